"""Mistakes in the spend cap of a use case: each is one sentence that says what to do."""

import pytest

from focuswatch.owners.owners_file import Owners

ROLE = "arn:aws:iam::111122223333:role/tickets-api"
VALID = {"intent": "experiment", "cap": 500, "on_cap": "ask", "roles": [ROLE], "approvers": ["U0ANNA"],
         "rows": {"accounts": ["111122223333"]}}  # fmt: skip


def mistakes(**changes):
    use_case = {key: value for key, value in (VALID | changes).items() if value is not None}
    return list(Owners.model_validate({"use_cases": {"tickets": use_case}}).mistakes())


@pytest.mark.parametrize(
    "valid",
    [
        {},
        {"on_cap": "pause"},
        {"on_cap": "notify", "roles": None, "approvers": None},
        {
            "on_cap": "pause",
            "intent": "production",
            "confirm_pause": "production",
            "cap": None,
            "monthly_budget": 9,
        },
        {"roles": ["arn:aws:iam::111122223333:role/team/a_b+c=d,e.f@g-h"]},
    ],
)
def test_valid_caps_have_no_mistakes(valid):
    """One spend cap of each kind."""
    assert mistakes(**valid) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"on_cap": "pause", "intent": "production"}, 'allow pausing with confirm_pause = "production"'),
        (
            {"on_cap": "pause", "intent": "production", "confirm_pause": "yes"},
            "can pause the spending of the use case without approval",
        ),
        ({"cap": None, "review_on": "2026-05-01"}, "on_cap: found neither `cap` nor `monthly_budget`"),
        ({"roles": None}, "roles: missing"),
        ({"approvers": None}, "approvers: missing"),
        ({"on_cap": None, "approvers": None}, "roles: this key applies only with on_cap"),
        ({"confirm_pause": "production"}, "confirm_pause: this key applies only to a production use case"),
        ({"roles": ["tickets-api"]}, "found 'tickets-api', expected a role ARN"),
        ({"roles": ["arn:aws:iam::111122223333:role/*"]}, "expected a role ARN"),
        ({"roles": ["arn:aws:iam::*:role/api"]}, "expected a role ARN"),
        ({"roles": ["arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/api"]}, "expected a role ARN"),
        ({"roles": ["arn:aws:iam::111122223333:role/prüfer"]}, "expected a role ARN"),
        ({"roles": ["arn:aws:iam::111122223333:role/a*/api"]}, "expected a role ARN"),
        ({"roles": ["arn:aws:iam::111122223333:role/aws-reserved/sso/x"]}, "a role that only AWS can change"),
        ({"approvers": ["@anna"]}, "expected a Slack user ID"),
    ],
)
def test_each_mistake_is_one_sentence(changes, expected):
    """The sentence begins with the key in the file."""
    (mistake,) = mistakes(**changes)
    assert mistake.startswith("use_cases.tickets.")
    assert expected in mistake
