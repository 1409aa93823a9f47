"""Three SQL files assign use cases to the charges that each of them reads; their assignments must be equal.

A common table would read 400 days of tags, although `policy_violation` needs only 35 days, and the hourly query of
`token_owners` needs only the tags of 14 days of token charges.
"""

from datetime import timedelta
from itertools import product

import pytest

from focuswatch.owners.assign_owner_and_use_case import assigned_owner, assigned_purpose
from focuswatch.owners.owners_file import Owners
from tests.given.one_line_findings import DAY
from tests.given.page_inputs import CATALOG
from tests.reports.test_page import bill
from tests.reports.test_query_report_rows_per_group import ACCOUNT_TAGS, ACCOUNTS, OWNERS, RESOURCES, TAGS

LIMITED = {  # no use case allows a model, so each of its tokens is a violation
    name: {**use_case.model_dump(exclude_unset=True), "models": ["none"]}
    for name, use_case in OWNERS.use_cases.items()
}
LIMITED_OWNERS = Owners.model_validate({**OWNERS.model_dump(exclude_unset=True), "use_cases": LIMITED})
COMBINATIONS = list(product(TAGS, ACCOUNTS, RESOURCES))


def charge(number: int) -> dict[str, object]:
    """Return a token charge with its own model and Region, which identify its row in the result of each SQL file."""
    tags, account, resource = COMBINATIONS[number]
    return {
        "Tags": tags, "SubAccountId": account, "ResourceId": resource, "RegionId": f"region-{number}",
        "ServiceName": "Amazon Bedrock", "SkuMeter": f"USE1-M{number}-input-tokens", "ConsumedUnit": "1K tokens",
        "EffectiveCost": 100.0, "charge_date": DAY - timedelta(days=5),
    }  # fmt: skip


@pytest.mark.parametrize("account_tags", ACCOUNT_TAGS)
def test_tokens_have_the_use_cases_that_python_assigns(account_tags):
    """A policy applies to the tokens that the rules of its use case select, and not to all tokens of the team."""
    engine = bill(*map(charge, range(len(COMBINATIONS))), owners=LIMITED_OWNERS)
    for account in filter(None, ACCOUNTS):
        engine.connection.execute(
            "INSERT INTO accounts (sub_account_id, tags) VALUES (?, ?)", [account, account_tags]
        )
    owned, by_rules = {}, {}
    for number, (tags, account, resource) in enumerate(COMBINATIONS):
        arguments = {"tags": tags, "account_id": account, "account_tags": account_tags if account else {}}
        team, _ = assigned_owner(LIMITED_OWNERS, **arguments, ou_path=None)
        owned[f"model M{number}"], _ = assigned_purpose(
            LIMITED_OWNERS, **arguments, resource_id=resource, team=team
        )
        by_rules[f"region-{number}"], _ = assigned_purpose(
            LIMITED_OWNERS, **arguments, resource_id=resource, team=None
        )
    rows = engine.query("SELECT workload, use_case FROM token_owners", label="token_owners")
    assert {row["workload"]: row["use_case"] for row in rows} == owned
    statement = CATALOG.detection("policy_violation").render({"as_of": DAY})
    violations = engine.query(statement, label="policy_violation")
    assert {row["region_id"]: row["use_case"] for row in violations} == {
        region: use_case for region, use_case in by_rules.items() if use_case
    }
