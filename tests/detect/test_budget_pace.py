"""A budget forecast to be exceeded is notified in steps, each once a month: forecast, 70, 85 and 100 %."""

from datetime import date, timedelta

from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.run_detection_and_check_rows import run_detection
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from tests.given.page_inputs import CATALOG
from tests.given.statements_of_scan import statements_of_scan
from tests.reports.test_page import bill

FIRST = date(2026, 1, 1)
PACE = CATALOG.detections["budget_pace"]


class World:
    """One team with a budget, its charges, and a ledger; each scan is as of a day."""

    def __init__(self, tmp_path, *, budget, costs):
        teams = {
            "help": {"channel": "#help", "monthly_budget": budget, "owns": {"accounts": ["111122223333"]}}
        }
        self.owners, self.ledger = (
            Owners.model_validate({"teams": teams}),
            SqliteLedger(tmp_path / "ledger.db"),
        )
        self.connection = connect()
        self.charges = [
            {
                "ServiceName": "Amazon Bedrock",
                "EffectiveCost": cost,
                "BilledCost": cost,
                "charge_date": FIRST + timedelta(days=day),
            }
            for day, cost in enumerate(costs)
        ]

    def notifications_on(self, as_of):
        """Scan as of a day; return its notifications as kind, month, and reached percentage of the budget."""
        engine = bill(
            *(one for one in self.charges if one["charge_date"] < as_of),
            owners=self.owners,
            as_of=as_of,
            statements=statements_of_scan(CATALOG, PACE.id),
            connection=self.connection,
        )
        result = scan(
            BillToScan(engine, as_of=as_of, currency="USD"),
            catalog=CATALOG,
            detections=[PACE],
            owners=self.owners,
            ledger=self.ledger,
            progress=lambda _text: None,
        )
        assert not result.failures
        return [
            (one.kind, one.finding.evidence["month"], one.finding.evidence["reached_percent"])
            for one in result.notifications
        ]

    def notifications_between(self, first, last):
        """Scan as of every day; return the notifications, each with its day first."""
        days = ((first + timedelta(days=number)) for number in range((last - first).days + 1))
        return [(day, *notification) for day in days for notification in self.notifications_on(day)]


def test_each_budget_step_is_notified_once_in_order(tmp_path):
    """Spend is 100 a day, the budget is 2,000 a month. The settled days are two days behind."""
    world = World(tmp_path, budget=2000, costs=[100.0] * 90)
    assert world.notifications_between(date(2026, 3, 5), date(2026, 3, 31)) == [
        (date(2026, 3, 5), "new", "2026-03", 0.0),
        (date(2026, 3, 17), "changed", "2026-03", 70.0),
        (date(2026, 3, 20), "changed", "2026-03", 85.0),
        (date(2026, 3, 23), "changed", "2026-03", 100.0),
    ]


def test_skipped_budget_step_is_not_notified_later(tmp_path):
    """One day raises spend from 65 to 90 %: 85 % is notified, and 70 % is never notified."""
    costs = [20.0] * 59 + [100.0] * 13 + [500.0] + [100.0] * 17
    world = World(tmp_path, budget=2000, costs=costs)
    notified = world.notifications_between(date(2026, 3, 14), date(2026, 3, 24))
    assert [step for *_, step in notified] == [0.0, 85.0, 100.0]


def test_budget_steps_start_again_in_the_next_month(tmp_path):
    """Steps notified in March are notified again in April."""
    world = World(tmp_path, budget=2000, costs=[100.0] * 110)
    notified = world.notifications_between(date(2026, 3, 28), date(2026, 4, 19))
    assert [one[1:] for one in notified] == [
        ("new", "2026-03", 100.0),
        ("changed", "2026-04", 0.0),
        ("changed", "2026-04", 70.0),
    ]


def test_neither_time_nor_a_larger_excess_repeats_a_step(tmp_path):
    """There is no reminder after two weeks and no notification when the forecast rises by half; only steps notify."""
    world = World(tmp_path, budget=5000, costs=[150.0] * 65 + [260.0] * 25)
    notified = world.notifications_between(date(2026, 3, 12), date(2026, 3, 30))
    assert [step for *_, step in notified] == [0.0, 70.0, 85.0, 100.0]
    (entry,) = world.ledger.entries().values()
    assert (entry.notified_severity, entry.finding.severity) == ("medium", "medium")


def test_budget_is_notified_after_its_snooze_expired(tmp_path):
    """A step reached before the snooze is notified as a reminder if the budget is still forecast to be exceeded."""
    from focuswatch.ledger import Suppression

    world = World(tmp_path, budget=2000, costs=[100.0] * 90)
    world.notifications_on(date(2026, 3, 5))
    (entry,) = world.ledger.entries().values()
    world.ledger.add_suppression(
        Suppression(
            scope="fingerprint",
            value=entry.fingerprint,
            author="ana",
            reason="later",
            since=date(2026, 3, 5),
            until=date(2026, 3, 10),
        )
    )
    assert world.notifications_on(date(2026, 3, 8)) == []
    assert world.notifications_on(date(2026, 3, 10)) == [("reminder", "2026-03", 0.0)]


def test_budget_that_is_not_exceeded_is_never_notified(tmp_path):
    """Although 70, 85 and 99 % of the budget are spent."""
    world = World(tmp_path, budget=3130, costs=[100.0] * 90)
    assert world.notifications_between(date(2026, 3, 20), date(2026, 3, 31)) == []


def test_an_older_ledger_is_read(tmp_path):
    """Entries written before budget steps existed have no notified step."""
    from focuswatch.ledger import LedgerEntry

    world = World(tmp_path, budget=2000, costs=[100.0] * 90)
    world.notifications_on(date(2026, 3, 5))
    (entry,) = world.ledger.entries().values()
    old = {
        name: value
        for name, value in entry.model_dump(mode="json", by_alias=True).items()
        if name != "told_step"
    }
    assert LedgerEntry.model_validate(old).notified_step == ()
    assert entry.notified_step == ("2026-03", 0.0)
    assert LedgerEntry.model_validate_json(entry.model_dump_json(by_alias=True)).notified_step == (
        "2026-03",
        0.0,
    )


def test_budget_step_is_notified_once_after_a_restatement(tmp_path):
    """70 % was notified. After the bill is corrected to less and grows again, 70 % is not notified again."""
    world = World(tmp_path, budget=2000, costs=[100.0] * 90)
    assert world.notifications_on(date(2026, 3, 17)) == [("new", "2026-03", 70.0)]
    first_of_march, march = world.charges[59]["charge_date"], world.charges[59:61]
    assert first_of_march == date(2026, 3, 1)
    del world.charges[59:61]
    assert world.notifications_on(date(2026, 3, 17)) == []
    world.charges[59:59] = march
    assert world.notifications_on(date(2026, 3, 18)) == []
    assert world.notifications_on(date(2026, 3, 20)) == [("changed", "2026-03", 85.0)]


def test_forecast_of_a_budget_uses_the_settled_days_of_the_whole_bill(tmp_path):
    """Only teams with a budget are read. The settled days are the bill's, also if the team's charges ended earlier."""
    from focuswatch.detect.forecast.forecasts_and_budgets_by_group import group_forecasts

    world = World(tmp_path, budget=900, costs=[100.0] * 70)
    world.charges += [
        {**one, "SubAccountId": "444455556666", "charge_date": FIRST + timedelta(days=day)}
        for day, one in enumerate(world.charges[:1] * 90)
    ]
    as_of = FIRST + timedelta(days=90)
    engine = bill(
        *world.charges,
        owners=world.owners,
        as_of=as_of,
        statements=statements_of_scan(CATALOG, PACE.id),
        connection=world.connection,
    )
    everything = group_forecasts("SELECT * FROM forecast_days", engine=engine, label="all", as_of=as_of)
    (expected,) = [one for one in everything if one.budget is not None]
    inputs = DetectionInput(as_of=as_of, first_new_day=as_of)
    (row,) = run_detection(PACE, engine=engine, catalog=CATALOG, inputs=inputs).rows
    assert len([one for one in everything if one.kind == "team"]) == 2
    assert (
        row["settled_until"] == (expected.end.settled_until - timedelta(days=1)).isoformat() == "2026-03-29"
    )
    assert [row[name] for name in ("spent", "forecast", "low", "high", "budget")] == [
        round(value, 6)
        for value in (expected.end.spent, expected.end.forecast, expected.end.low, expected.end.high, 900)
    ]
