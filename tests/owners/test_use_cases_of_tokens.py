"""Three SQL files assign use cases to charges, each over the charges that it reads; they must assign the same ones.

One table for all would read 400 days of tags where `policy_violation` reads 35, and where the hourly query of
`token_owners` reads the tags of 14 days of token charges only.
"""

from datetime import timedelta
from itertools import product

import pytest

from focuswatch.owners.owners_file_and_assignment import Owners
from tests.given.one_line_findings import DAY
from tests.given.page_inputs import CATALOG
from tests.reports.test_page import bill
from tests.reports.test_run_report_per_group import ACCOUNT_TAGS, ACCOUNTS, OWNERS, RESOURCES, TAGS

LIMITED = {  # each use case allows no model, so that each of its tokens is a violation
    name: {**use_case.model_dump(exclude_unset=True), "models": ["none"]}
    for name, use_case in OWNERS.use_cases.items()
}
KNOWN = Owners.model_validate({**OWNERS.model_dump(exclude_unset=True), "use_cases": LIMITED})
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
    """A policy applies to tokens that the rules of its use case name, and not to all tokens of the team."""
    engine = bill(*map(charge, range(len(COMBINATIONS))), owners=KNOWN)
    for account in filter(None, ACCOUNTS):
        engine.connection.execute(
            "INSERT INTO accounts (sub_account_id, tags) VALUES (?, ?)", [account, account_tags]
        )
    owned, named = {}, {}
    for number, (tags, account, resource) in enumerate(COMBINATIONS):
        known = {"tags": tags, "account_id": account, "account_tags": account_tags if account else {}}
        team, _ = KNOWN.owner(**known, ou_path=None)
        owned[f"model M{number}"], _ = KNOWN.purpose(**known, resource_id=resource, team=team)
        named[f"region-{number}"], _ = KNOWN.purpose(**known, resource_id=resource, team=None)
    rows = engine.query("SELECT workload, use_case FROM token_owners", label="token_owners")
    assert {row["workload"]: row["use_case"] for row in rows} == owned
    statement = CATALOG.detection("policy_violation").render({"as_of": DAY})
    found = engine.query(statement, label="policy_violation")
    assert {row["region_id"]: row["use_case"] for row in found} == {
        region: use_case for region, use_case in named.items() if use_case
    }
