"""Plan a simulated bill and write all its files.

The files are the export, activity, accounts, recommendations, principals, invocations, hourly tokens, events,
owners.toml and the truth.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from focuswatch.errors import ConfigError
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.everyday.edge_viewers import add_edge_viewers
from focuswatch.simulate.everyday.everyday_ai import add_everyday_ai
from focuswatch.simulate.everyday.everyday_usage import add_everyday_usage
from focuswatch.simulate.everyday.fill_bill_to_row_count import add_bulk_resources
from focuswatch.simulate.everyday.finance_charges import add_finance_charges
from focuswatch.simulate.expected import truth_of
from focuswatch.simulate.incidents_and_lookalikes.deployments_and_alarms import plan_events
from focuswatch.simulate.incidents_and_lookalikes.plant_incidents import plant
from focuswatch.simulate.organization import make_organization
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.simulated_truth_models_and_json_file import write_truth
from focuswatch.simulate.usual_and_planted_bedrock_callers import plan_callers
from focuswatch.simulate.write_activity_accounts_and_other_companion_files import (
    write_accounts,
    write_activity,
    write_events,
    write_principals,
    write_recommendations,
)
from focuswatch.simulate.write_hourly_tokens_with_planted_spikes import write_token_hours
from focuswatch.simulate.write_invocation_token_sums import write_invocations
from focuswatch.simulate.write_owners_file import write_owners
from focuswatch.simulate.writing.export_files import (
    EXPORT_NAME,
    FileFormat,
    Grain,
    Progress,
    SimulatedBill,
    write_export,
)
from focuswatch.simulate.writing.read_bedrock_charges_from_export import bedrock_charges

# A Monday, so that the last complete week contains a weekend and the first of a month.
DEFAULT_END = date(2026, 6, 8)


@dataclass(frozen=True)
class Simulated:
    """Paths and sizes of the files that were written."""

    export: Path  # the folder with data/ and metadata/
    activity: Path
    accounts: Path
    recommendations: Path
    principals: Path
    invocations: Path
    token_hours: Path
    events: Path
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
    """Write a simulated organization into the folder `out`, which is created.

    `end` is the day after the last charge. `rows` is the approximate number of charges; the bill never has fewer than
    everyday usage, about 3,300 a day with 40 accounts, or 24 times as many if hourly. Incidents that need more history
    than `days` are left out: 60 days are enough for most, 120 for all. `progress` is called with the name of a step and
    the share that is done, from 0 to 1.
    Raises ConfigError if there are too few accounts for the incidents, or if `out` already holds an export.
    """
    if (out / EXPORT_NAME).exists():
        raise ConfigError(f"{out} already contains an export. Specify another folder.")
    calendar = Calendar(first=end - timedelta(days=days), as_of=end)
    plan = plan_bill(calendar, accounts=accounts, seed=seed, rows=rows, hourly=grain == "hourly")
    truth = truth_of(plan)
    bill = SimulatedBill(
        plan.lines, calendar, plan.organization.payer, seed=seed, grain=grain, file_format=file_format
    )
    export = write_export(bill, out / EXPORT_NAME, progress=progress)
    charges = bedrock_charges(export.files)
    teams = {account.id: account.team for account in plan.organization.accounts if account.team}
    costs: dict[str, dict[date, float]] = {}
    for day, account, *_, cost in charges:
        costs.setdefault(account, {})[day] = costs.get(account, {}).get(day, 0.0) + cost
    callers = plan_callers(costs, teams=teams, calendar=calendar, seed=seed)
    hours = write_token_hours(
        export.files,
        out / "token_hours.parquet",
        calendar=calendar,
        launched=plan.launched_profile,
        seed=seed,
    )
    truth = replace(
        truth,
        incidents=(*truth.incidents, *callers.incidents, *hours.incidents),
        either=(*truth.either, *hours.either),
        hard_negatives=(*truth.hard_negatives, *callers.hard_negatives, *hours.hard_negatives),
    )
    simulated = Simulated(
        export=export.folder,
        activity=out / "activity.parquet",
        accounts=out / "accounts.parquet",
        recommendations=out / "recommendations.parquet",
        principals=out / "principals.parquet",
        invocations=out / "invocations.parquet",
        token_hours=out / "token_hours.parquet",
        events=out / "events.parquet",
        owners=out / "owners.toml",
        truth=out / "truth.json",
        files=export.files,
        as_of=end,
        rows=export.rows,
        incidents=len(truth.incidents),
        hard_negatives=len(truth.hard_negatives),
    )
    write_activity(plan, simulated.activity)
    write_accounts(plan.organization, simulated.accounts)
    write_recommendations(plan, simulated.recommendations)
    write_principals(charges, callers, simulated.principals)
    write_invocations(export.files, simulated.invocations, calendar=calendar)
    events = plan_events(truth.incidents, accounts=[account.id for account in plan.organization.accounts])
    write_events(events, simulated.events)
    write_owners(plan, simulated.owners, principal_budgets=callers.budgets)
    write_truth(
        truth, simulated.truth, plan=plan, seed=seed, grain=grain, events=[event.truth for event in events]
    )
    return simulated


def plan_bill(
    calendar: Calendar, *, accounts: int, seed: int, rows: int | None = None, hourly: bool = False
) -> BillPlan:
    """Return the plan of a bill, without noise."""
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
