"""`simulate`: plan a bill, write it, and beside it what AWS's other services would say, and the truth."""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

from focuswatch.errors import ConfigError
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.bill_plan import BillPlan
from focuswatch.simulate.companion_files import write_accounts, write_activity, write_owners
from focuswatch.simulate.everyday.bulk_resources import add_bulk_resources
from focuswatch.simulate.everyday.edge_viewers import add_edge_viewers
from focuswatch.simulate.everyday.everyday_accounts import add_everyday_usage
from focuswatch.simulate.everyday.everyday_ai import add_everyday_ai
from focuswatch.simulate.everyday.finance_charges import add_finance_charges
from focuswatch.simulate.expected import truth_of
from focuswatch.simulate.organization import make_organization
from focuswatch.simulate.planted.incident_kinds import plant
from focuswatch.simulate.planted_truth import write_truth
from focuswatch.simulate.writing.export_files import (
    EXPORT_NAME,
    FileFormat,
    Grain,
    Progress,
    SimulatedBill,
    write_export,
)

# a Monday, so that the settled week before it holds a weekend and a month's first
DEFAULT_END = date(2026, 6, 8)


@dataclass(frozen=True)
class Simulated:
    """Where what was written lies, and how much of it there is."""

    export: Path  # the folder with data/ and metadata/
    activity: Path
    accounts: Path
    owners: Path
    truth: Path
    files: tuple[Path, ...]
    as_of: date
    rows: int
    incidents: int
    hard_negatives: int


def simulate(
    out: Path,
    *,
    accounts: int = 40,
    days: int = 120,
    rows: int | None = None,
    seed: int = 1,
    grain: Grain = "daily",
    end: date = DEFAULT_END,
    file_format: FileFormat = "parquet",
    progress: Progress | None = None,
) -> Simulated:
    """Write a simulated organization into `out`, which is made.

    `end` is the day after the last charge. `rows` asks for about so many charges, and never for fewer than
    the organization's everyday lifecycle makes: some 3,300 a day at 40 accounts, 24 times that by the hour. What
    needs more history than `days` is not planted: 60 are enough for most, 120 for all. `progress` hears what
    is done and how much of it is, 0 to 1.
    Raises ConfigError when there are too few accounts to hold what is planted, or an export is there already.
    """
    if (out / EXPORT_NAME).exists():
        raise ConfigError(f"{out} already holds an export; name another folder.")
    calendar = Calendar(first=end - timedelta(days=days), as_of=end)
    plan = plan_bill(calendar, accounts=accounts, seed=seed, rows=rows, hourly=grain == "hourly")
    truth = truth_of(plan)
    bill = SimulatedBill(
        plan.lines, calendar, plan.organization.payer, seed=seed, grain=grain, file_format=file_format
    )
    export = write_export(bill, out / EXPORT_NAME, progress=progress)
    made = Simulated(
        export=export.folder,
        activity=out / "activity.parquet",
        accounts=out / "accounts.parquet",
        owners=out / "owners.toml",
        truth=out / "truth.json",
        files=export.files,
        as_of=end,
        rows=export.rows,
        incidents=len(truth.incidents),
        hard_negatives=len(truth.hard_negatives),
    )
    write_activity(plan, made.activity)
    write_accounts(plan.organization, made.accounts)
    write_owners(plan, made.owners)
    write_truth(truth, made.truth, plan=plan, seed=seed, grain=grain)
    return made


def plan_bill(
    calendar: Calendar, *, accounts: int, seed: int, rows: int | None = None, hourly: bool = False
) -> BillPlan:
    """The plan of a bill, everything but noise."""
    rng = Random(seed)
    plan = BillPlan(calendar, make_organization(rng, accounts=accounts, calendar=calendar), rng)
    add_everyday_usage(plan)
    add_everyday_ai(plan)
    add_finance_charges(plan)
    if rows is not None:
        add_bulk_resources(plan, rows=rows, hourly=hourly)
    plant(plan)
    add_edge_viewers(plan)
    return plan
