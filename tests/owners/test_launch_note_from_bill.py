"""`focuswatch note` derives a block of owners.toml from the bill; names in the bill can only become values in it."""

import tomllib
from datetime import date, timedelta
from decimal import Decimal

import pytest

from focuswatch.errors import ConfigError
from focuswatch.owners.format_toml_values import toml_comment, toml_key, toml_value
from focuswatch.owners.launch_note_from_bill import increase_of, note_of_finding, note_of_use_case
from focuswatch.owners.owners_file import Owners
from tests.given.one_line_findings import finding

AS_OF = date(2026, 3, 31)  # the bill is settled through the 28th
LAST, STARTED = date(2026, 3, 28), date(2026, 3, 16)
HOSTILE = (
    'x"]\n[teams.evil]\nchannel = "#evil"\nowns = { accounts = ["999988887777"] }\n#',
    'back\\slash \\u0041 \'quote\' """',
    "tab\t\r\x00\x1b[31m\x7f\u202egnp.exe\u2028",
    "\U0001f680 Ünïcode",
)
OWNERS = Owners.model_validate(
    {
        "teams": {"search": {"channel": "#search"}},
        "use_cases": {
            "shop-guide": {
                "intent": "production",
                "team": "search",
                "monthly_budget": "1250.50",
                "unit": "answer",
                "accepted_unit_cost": "0.02",
                "launches": [{"first_day": "2026-01-01", "last_day": "2026-01-10", "factor": 3}],
                "rows": {"tags": {"use_case": ["shop-guide"]}, "resources": ["arn:aws:bedrock:*"]},
            },
            "everything": {"intent": "production", "team": "search"},
        },
    }
)


def days(before: float, since: float, *, started: date = STARTED) -> dict[date, float]:
    """Return daily costs of two months that change on the day `started`; the newest two days are incomplete."""
    dates = [AS_OF - timedelta(days=back) for back in range(1, 61)]
    costs = {day: since if day >= started else before for day in dates}
    return costs | {AS_OF - timedelta(days=1): 0.1, AS_OF - timedelta(days=2): since * 9}


def row(day: date, cost: float, *, resource: str | None = None, tags=None, noted: bool = True) -> dict:
    return {
        "charge_date": day,
        "resource_id": resource,
        "tags": tags,
        "is_noted": noted,
        "effective_cost": cost,
    }


def rows(before: float, since: float, **fields) -> list[dict]:
    return [row(day, cost, **fields) for day, cost in days(before, since).items() if cost]


def launch(**fields):
    evidence = {"product": "Claude Opus 5.5", "model": "Claude Opus 5.5", "first_day": str(STARTED)}
    one = finding("launch", team=fields.pop("team", "search"))
    return one.model_copy(
        update={
            "detection": "unannounced_ai_launch",
            "sub_account_name": "search-prod",
            "service_name": "Claude Opus 5.5 (Amazon Bedrock Edition)",
            "evidence": evidence,
        }
        | fields
    )


def loaded(text: str, tmp_path, *, existing: str = '[teams.search]\nchannel = "#search"\n') -> Owners:
    """Add the block to owners.toml and load the file as every command does."""
    file = tmp_path / "owners.toml"
    file.write_text(existing + "\n" + text, encoding="utf-8")
    return Owners.load(file)


def test_increase_starts_on_the_day_from_which_costs_are_higher():
    """The newest two days are incomplete and are ignored."""
    increase = increase_of(days(10.0, 40.0), as_of=AS_OF)
    assert increase is not None
    assert (increase.first_day, increase.daily_before, increase.daily_since) == (STARTED, 10.0, 40.0)
    assert increase.factor(10.0) == 4.0


def test_falling_or_constant_costs_have_no_increase():
    assert increase_of(days(40.0, 10.0), as_of=AS_OF) is None
    assert increase_of(days(10.0, 10.0), as_of=AS_OF) is None
    assert increase_of({}, as_of=AS_OF) is None


@pytest.mark.parametrize(
    ("peak", "baseline", "factor"),
    [(41.0, 10.0, 4.5), (40.0, 10.0, 4.0), (10.5, 10.0, 1.5), (1e9, 1.0, 1000.0), (40.0, 0.0, 2.0)],
)
def test_factor_is_the_peak_rounded_up_to_a_half(peak, baseline, factor):
    """The factor is within the limits of owners.toml. Without a baseline, it is the placeholder 2."""
    increase = increase_of(days(0.0, peak), as_of=AS_OF)
    assert increase is not None and increase.factor(baseline) == factor


def test_note_of_a_finding_is_the_block_of_its_charges(tmp_path):
    """The rows are resources if all charges have one. A new model's baseline is the previous cost of its service."""
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1"
    charges = [*rows(0.0, 40.0, resource=profile), *rows(20.0, 20.0, noted=False)]
    text = note_of_finding(launch(), charges, owners=OWNERS, as_of=AS_OF)
    (name,) = loaded(text, tmp_path).use_cases
    assert name == "claude-opus-5-5-search-prod"
    use_case = loaded(text, tmp_path).use_cases[name]
    assert (use_case.intent, use_case.team, use_case.rows.resources) == ("production", "search", [profile])
    (planned,) = use_case.launches
    assert (planned.first_day, planned.last_day) == (STARTED, AS_OF + timedelta(days=28))
    assert planned.factor == 2.0  # 40 a day compared with 20 a day of the service before
    assert "40.00 USD/day since 2026-03-16" in text.splitlines()[0]


def test_charges_without_resources_are_selected_by_a_distinctive_tag(tmp_path):
    """Neither an owner tag nor a tag of the service's other charges is used."""
    launch_tags = {"user:team": "search", "application": "assistant", "feature": "chat"}
    charges = [
        *rows(0.0, 40.0, tags=launch_tags),
        *rows(50.0, 50.0, tags={"team": "fraud", "application": "assistant"}, noted=False),
    ]
    text = note_of_finding(launch(), charges, owners=OWNERS, as_of=AS_OF)
    (use_case,) = loaded(text, tmp_path).use_cases.values()
    assert use_case.rows.tags == {"feature": ["chat"]}
    assert not use_case.rows.resources and not use_case.rows.accounts


def test_charges_without_resource_and_tag_are_selected_by_account(tmp_path):
    """The note says so, because the launch then includes the whole account."""
    text = note_of_finding(launch(), rows(0.0, 40.0), owners=OWNERS, as_of=AS_OF)
    (use_case,) = loaded(text, tmp_path).use_cases.values()
    assert use_case.rows.accounts == ["111122223333"]
    assert "this section selects the whole account" in text
    assert "`factor` is a placeholder" in text


def test_resource_whose_name_has_a_star_is_not_selected_by_name(tmp_path):
    """In owners.toml, a star makes the name a prefix, so whoever named the resource could select other resources."""
    text = note_of_finding(launch(), rows(0.0, 40.0, resource="arn:aws:*"), owners=OWNERS, as_of=AS_OF)
    (use_case,) = loaded(text, tmp_path).use_cases.values()
    assert use_case.rows.accounts == ["111122223333"] and not use_case.rows.resources


def test_note_without_an_increase_is_refused():
    with pytest.raises(ConfigError, match="shows no cost increase"):
        note_of_finding(launch(), [], owners=OWNERS, as_of=AS_OF)


def test_note_that_conflicts_with_another_use_case_is_refused():
    """Two use cases with the same account make owners.toml invalid."""
    taken = Owners.model_validate(
        {"use_cases": {"all": {"intent": "production", "rows": {"accounts": ["111122223333"]}}}}
    )
    with pytest.raises(ConfigError, match=r"use_cases\.all both match the account 111122223333"):
        note_of_finding(launch(team=None), rows(0.0, 40.0), owners=taken, as_of=AS_OF)


def test_note_of_a_use_case_keeps_its_section_and_adds_the_launch(tmp_path):
    """The printed TOML contains all keys of the existing section, so that users can replace it."""
    text = note_of_use_case("shop-guide", days(10.0, 55.0), owners=OWNERS, as_of=AS_OF, currency="USD")
    before, after = OWNERS.use_cases["shop-guide"], loaded(text, tmp_path).use_cases["shop-guide"]
    assert after.launches[:1] == before.launches
    assert (after.launches[1].first_day, after.launches[1].factor) == (STARTED, 5.5)
    assert after.monthly_budget == Decimal("1250.50")
    assert after.model_copy(update={"launches": before.launches}) == before


def test_launch_of_a_note_replaces_an_overlapping_launch(tmp_path):
    """Two launches on the same days would contradict each other; the bill shows the correct factor."""
    planned = {"first_day": STARTED - timedelta(days=3), "last_day": STARTED + timedelta(days=5), "factor": 2}
    section = {"intent": "production", "rows": {"accounts": ["111122223333"]}, "launches": [planned]}
    owners = Owners.model_validate({"use_cases": {"guide": section}})
    text = note_of_use_case("guide", days(10.0, 55.0), owners=owners, as_of=AS_OF, currency="USD")
    assert [one.factor for one in loaded(text, tmp_path).use_cases["guide"].launches] == [5.5]


def test_use_case_without_rows_or_increase_has_no_launch():
    with pytest.raises(ConfigError, match="has no `rows`"):
        note_of_use_case("everything", days(10.0, 55.0), owners=OWNERS, as_of=AS_OF, currency="USD")
    with pytest.raises(ConfigError, match="has not increased"):
        note_of_use_case("shop-guide", days(10.0, 10.0), owners=OWNERS, as_of=AS_OF, currency="USD")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_only_values(text, tmp_path):
    """A resource, tag, account or product name cannot add a section, a key or a terminal control sequence."""
    hostile_launch = launch(
        sub_account_name=text,
        evidence={"product": text, "first_day": str(STARTED)},
    )
    by_resource = note_of_finding(hostile_launch, rows(0.0, 40.0, resource=text), owners=OWNERS, as_of=AS_OF)
    by_tag = note_of_finding(hostile_launch, rows(0.0, 40.0, tags={text: text}), owners=OWNERS, as_of=AS_OF)
    for note in (by_resource, by_tag):
        owners = loaded(note, tmp_path)
        assert set(owners.teams) == {"search"} and len(owners.use_cases) == 1
        assert not any(character in note for character in "\x00\x1b\x7f\u202e\u2028\r\t")
    (use_case,) = loaded(by_resource, tmp_path).use_cases.values()
    assert use_case.rows.resources == [text]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_of_a_use_case_is_unchanged(name, tmp_path):
    owners = Owners(teams=OWNERS.teams, use_cases={name: OWNERS.use_cases["shop-guide"]})
    text = note_of_use_case(name, days(10.0, 40.0), owners=owners, as_of=AS_OF, currency="USD")
    assert list(loaded(text, tmp_path).use_cases) == [name]


@pytest.mark.parametrize("value", [*HOSTILE, "", 3, 2.5, True, AS_OF, ["a", 1], {"a b": {"c": []}}, {}])
def test_written_values_are_read_back(value):
    text = f"{toml_comment(str(value))}\n{toml_key('a key')} = {toml_value(value)}\n"
    assert tomllib.loads(text) == {"a key": value}
