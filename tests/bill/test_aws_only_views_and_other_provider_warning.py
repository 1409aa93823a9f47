"""Detections of AWS resources ignore charges of other providers, and a warning of one sentence says so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from focuswatch.bill.aws_only_views_and_other_provider_warning import (
    PROVIDER_OF_ACCOUNT,
    other_providers_warning,
)
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_table
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.page import build_document, render_page
from tests.fakes.waiting import patience
from tests.given.exports import read, write
from tests.given.page_inputs import data_of, gathered

FOCUSWATCH = Path(sys.executable).parent / "focuswatch"
SENTENCE = "Detections for AWS resources ignore these charges"


def focuswatch(*arguments, code=0):
    done = subprocess.run(
        [FOCUSWATCH, *map(str, arguments)], capture_output=True, text=True, timeout=patience(300)
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def days(provider, account, *, service="Amazon OpenSearch Service", cost="5.76", column="ProviderName"):
    """Return a month of charges that look like an orphaned OpenSearch Serverless collection."""
    return [
        {
            "ChargePeriodStart": f"2026-05-{day:02} 00:00:00",
            "ChargePeriodEnd": f"2026-05-{day + 1:02} 00:00:00",
            "SubAccountId": account,
            "ServiceName": service,
            "SkuMeter": "USE1-SearchOCU",
            "ResourceId": None,
            "BilledCost": cost,
            "EffectiveCost": cost,
            column: provider,
        }
        for day in range(1, 29)
    ]


@pytest.mark.parametrize(
    ("aws", "other", "column"),
    [
        ("AWS", "Microsoft", "ProviderName"),
        ("Amazon Web Services", "Oracle", "ServiceProviderName"),
        (None, "Google Cloud", "ProviderName"),
    ],
)
def test_detections_of_aws_resources_evaluate_aws_charges_only_and_reports_include_all(
    tmp_path, aws, other, column
):
    """Charges of other providers that look like waste cause no finding and no AWS command."""
    types = {column: "VARCHAR"}
    bill = write(
        tmp_path / "bill.csv",
        *days(aws, "111111111111", column=column),
        *days(other, "222222222222", column=column),
        types=types,
        without=[] if column == "ProviderName" else ["ProviderName"],
    )
    state = tmp_path / "state"
    done = focuswatch("scan", bill, "--state", state, "--format", "json")
    result = json.loads(done.stdout)
    assert {one["sub_account_id"] for one in result} == {"111111111111"}
    assert f"28 of 56 charges are {other}'s. Anomaly detection" in done.stderr and SENTENCE in done.stderr
    done = focuswatch("report", "spend_by_team", "--state", state, "--format", "json")
    billed = sum(row["billed_cost"] for row in json.loads(done.stdout)["rows"])
    assert billed == pytest.approx(2 * 26 * 5.76)  # the last two of 28 days are not settled
    assert SENTENCE in done.stderr
    done = focuswatch("page", "--state", state, "-o", tmp_path / "page.html")
    assert SENTENCE in done.stderr


def test_bill_without_aws_charges_is_evaluated(tmp_path):
    """Detections for all providers evaluate it, without AWS commands. AI services of other providers are recognized."""
    bill = write(tmp_path / "bill.csv", *days("Microsoft", "sub-1", service="Azure OpenAI Service"))
    done = focuswatch("scan", bill, "--state", tmp_path / "state")
    assert "28 of 28 charges are Microsoft's" in done.stderr and SENTENCE in done.stderr
    assert "aws " not in done.stdout
    assert "resolved in this scan" not in done.stdout + done.stderr
    done = focuswatch("report", "ai_spend", "--state", tmp_path / "state", "--format", "json")
    (row,) = json.loads(done.stdout)["rows"]
    complete = pytest.approx(25 * 5.76)  # the last three of 28 days are not settled
    assert (row["service_name"], row["effective_cost"]) == ("Azure OpenAI Service", complete)


def test_bill_with_only_aws_charges_has_no_warning(tmp_path):
    reader = read(write(tmp_path / "a.parquet", {}, {"ProviderName": None}), tmp_path / "state")
    assert reader.refresh().summary.other_providers is None
    inputs = BillInputs(str(tmp_path / "a.parquet"), state=tmp_path / "state")
    with open_local_bill(
        inputs, catalog=Catalog.load(), owners=Owners.load(None), progress=lambda _: None
    ) as bill:
        assert bill.aws_engine is bill.engine


def test_providers_are_listed_by_number_of_charges():
    """One sentence counts the charges of all files."""
    result = other_providers_warning(
        [{"Oracle": 1, "Microsoft": 2}, {"Microsoft": 1, "Google Cloud": 2}], charges=1_000
    )
    assert re.match(r"6 of 1,000 charges are Microsoft's, Google Cloud's and Oracle's\. ", result)
    assert other_providers_warning([{}, {}], charges=5) is None


def test_main_provider_of_an_account_is_that_of_most_charges():
    """The charges of all rows count. Of two providers with the same number, the first by name is the main provider."""
    rows = [("1", "AWS", 6)] * 2 + [
        ("1", "Microsoft", 9),
        ("2", "Oracle", 1),
        ("2", "Microsoft", 1),
        (None, None, 1),
    ]
    connection = connect()
    create_table(
        connection,
        "daily_services",
        {"SubAccountId": "VARCHAR", "ProviderName": "VARCHAR", "charges": "BIGINT"},
        rows,
    )
    providers = connection.execute(PROVIDER_OF_ACCOUNT.format(table="daily_services")).fetchall()
    assert dict(providers) == {"1": "AWS", "2": "Microsoft", None: "AWS"}


def test_page_lists_the_providers_that_are_not_evaluated():
    """The list replaces the message that the bill has no AI spend."""
    page = render_page(build_document(gathered(other_providers="28 of 28 charges are Microsoft's")))
    assert data_of(page)["layers"]["other_providers"] == "28 of 28 charges are Microsoft's"
