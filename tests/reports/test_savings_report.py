"""The report `savings`: open, expected and verified savings, equal to those in the ledger and on the page."""

from datetime import timedelta
from decimal import Decimal

import pytest

from focuswatch.bill.schema.columns_of_all_tables import KNOWN_FINDINGS
from focuswatch.detect.measured_savings import measured_savings
from focuswatch.engines.duckdb_connection_macros_and_tables import create_table
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.ledger import Decision, LedgerEntry, SqliteLedger, Suppression
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.known_findings_rows_from_ledger import TABLE, findings_table_rows
from focuswatch.reports.page import build_document, gather
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.query_report_rows_per_group import split_rows
from tests.given.one_line_findings import DAY, finding
from tests.given.page_inputs import CATALOG, resolved
from tests.reports.test_page import bill

PILOT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/pilot"
OWNERS = Owners.model_validate(
    {
        "teams": {"search": {"channel": "#search"}},
        "use_cases": {
            "pilot": {"intent": "experiment", "cap": 10, "rows": {"resources": [PILOT]}},
            "tickets": {"intent": "production", "rows": {"tags": {"app": ["tickets"]}}},
        },
    }
)
QUIET = Suppression(scope="resource", value="quiet", author="ana", reason="known", since=DAY)


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger with waste in every state, and with an anomaly and a closed finding."""
    new_ledger = SqliteLedger(tmp_path / "ledger.db")
    entries = (
        LedgerEntry(finding=finding("open", cost="50", team="search")),
        LedgerEntry(
            finding=finding("seen", cost="70", team="search"), acknowledged_by="ana", acknowledged_on=DAY
        ),
        LedgerEntry(finding=finding("quiet", cost="400", team="search")),
        LedgerEntry(finding=finding(PILOT, cost="9")),
        LedgerEntry(finding=finding("tagged", cost="8", tags={"user:App": " Tickets"})),
        LedgerEntry(finding=finding("an anomaly", cost="500", category="anomaly")),
        LedgerEntry(finding=finding("history", cost="600"), state="closed"),
        resolved("300", saved_daily="9"),
        resolved("30", saved_daily=None, resource="later"),
        resolved("20", saved_daily="0", resource="still billed"),
    )
    new_ledger.update(lambda _entries, _suppressions: Decision(entries, ()), evaluated=())
    new_ledger.add_suppression(QUIET)
    return new_ledger


def savings_rows(ledger, *, as_of=DAY):
    """Return an engine with the ledger's findings, and the rows of the report."""
    engine = bill()
    rows = findings_table_rows(ledger, engine=engine, owners=OWNERS, as_of=as_of)
    create_table(engine.connection, TABLE, KNOWN_FINDINGS, rows)
    return engine, report_rows(CATALOG.report("savings"), engine=engine, as_of=as_of, owners=OWNERS)


def test_open_expected_and_verified_savings_are_three_sums(ledger):
    """Suppressed waste is not part of the open cost. A saving without a later bill is expected but not verified."""
    _, rows = savings_rows(ledger)
    search, unallocated = rows
    assert (search["team"], search["detection"], search["findings"]) == (
        "search",
        "idle_sagemaker_endpoint",
        3,
    )
    assert (search["open_cost"], search["acknowledged_cost"], search["suppressed_cost"]) == (120, 70, 400)
    assert (unallocated["team"], unallocated["open_cost"]) == (None, 17)
    assert unallocated["resolved_cost"] == 350
    assert unallocated["verified_cost"] == pytest.approx(270)
    assert unallocated["unverified_cost"] == 30


def test_savings_are_queried_in_several_statements(ledger, monkeypatch):
    """Athena limits the length of a statement; the results equal those of one statement."""
    labels: list[str] = []
    monkeypatch.setattr(DuckDbEngine, "query", recording(labels))
    entries = ledger.entries().values()
    at_once = measured_savings(entries, engine=bill({}), catalog=CATALOG, as_of=DAY)
    monkeypatch.setattr("focuswatch.engines.values_as_sql_literals.MOST_GIVEN_BYTES", 1)
    assert measured_savings(entries, engine=bill({}), catalog=CATALOG, as_of=DAY) == at_once
    assert labels == ["saved"] * 4
    saved = {
        entry.finding.resource_id: at_once[entry.fingerprint].daily_saving
        for entry in entries
        if entry.fingerprint in at_once
    }
    assert saved == {"r": 10, "later": 1, "still billed": Decimal("0.666667")}


def recording(labels):
    """Return a DuckDbEngine.query that also appends each statement's label to `labels`."""
    original = DuckDbEngine.query

    def query(self, statement, *, label):
        labels.append(label)
        return original(self, statement, label=label)

    return query


def test_expired_suppression_makes_savings_open_again(ledger):
    """On its `until` day, as in the scan and on the page."""
    (suppression,) = ledger.suppressions()
    ledger.remove_suppression(suppression.id)
    ledger.add_suppression(QUIET.model_copy(update={"until": DAY + timedelta(days=1)}))
    assert savings_rows(ledger)[1][0]["suppressed_cost"] == 400
    later = savings_rows(ledger, as_of=DAY + timedelta(days=1))[1]
    assert (later[0]["open_cost"], later[0]["suppressed_cost"]) == (520, 0)


def test_the_page_shows_the_sums_of_the_report(ledger):
    """The page and the report show the same sums."""
    engine, rows = savings_rows(ledger)
    shown = build_document(
        gather(engine, as_of=DAY, currency="USD", catalog=CATALOG, owners=OWNERS, ledger=ledger)
    )["savings"]
    columns = {"expected": "resolved_cost", "not_verified": "unverified_cost"}
    for name in ("open", "acknowledged", "suppressed", "expected", "verified", "not_verified"):
        column = columns.get(name, f"{name}_cost")
        assert shown[name] == pytest.approx(sum(row[column] for row in rows)), name
    assert (shown["open"], shown["expected"], shown["verified"]) == (137, 350, 270)
    assert shown["findings_not_verified"] == 1
    assert [one["verified"] for one in shown["resolved"]] == [270.0, None, 0.0]


def test_savings_are_split_by_use_case_and_intent(ledger):
    """By the rules of use cases, like charges. A finding without a use case has a team, or is unallocated."""
    engine, _ = savings_rows(ledger)
    assert isinstance(engine, DuckDbEngine)

    def parts(by):
        rows = split_rows(
            CATALOG.report("savings"), by=by, engine=engine, catalog=CATALOG, owners=OWNERS, as_of=DAY
        )
        sums: dict[str, Decimal] = {}
        for row in rows:
            sums[row[by]] = sums.get(row[by], 0) + row["open_cost"]
        return sums

    assert parts("use_case") == {"(no use case)": 120, "pilot": 9, "tickets": 8}
    assert parts("intent") == {"(no intent)": 120, "(unallocated)": 0, "experiment": 9, "production": 8}
    assert parts("team") == {"search": 120, "(unallocated)": 17}


def test_without_a_ledger_the_report_is_empty():
    """The findings table exists and is empty, so the statement runs unchanged."""
    assert report_rows(CATALOG.report("savings"), engine=bill(), as_of=DAY, owners=OWNERS) == []
