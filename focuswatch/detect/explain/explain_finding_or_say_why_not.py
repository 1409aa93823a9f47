"""Explain one finding from an open bill, or raise an error that states why it has no explanation."""

from datetime import timedelta

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.local_bill import export_with_hours
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.explain_cost_increases import explain_cost_increases
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease, cost_increase_of
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.errors import ConfigError
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.cost_increase_explanation_models import Explanation
from focuswatch.findings.cost_increase_explanation_text import period_text
from focuswatch.findings.finding import Finding

# By detection whose amount is not a cost increase: where the cost drivers are shown instead.
INSTEAD = {
    "budget_pace": "The amount of this finding is a forecast, not a cost increase. To find the costs "
    "behind the forecast, run the reports month_forecast and weekly_deltas."
}


def increase_to_explain(finding: Finding, *, catalog: Catalog, otherwise: str) -> CostIncrease:
    """Return the cost increase of a finding.

    Raises ConfigError if it has none. The error states what shows the cost instead: `otherwise`, unless INSTEAD has a
    text for the detection.
    """
    increase = cost_increase_of(finding, catalog=catalog)
    if increase is None:
        raise ConfigError(
            f"{finding.fingerprint} ({finding.detection}) has no cost increase to explain. "
            f"{INSTEAD.get(finding.detection, otherwise)}"
        )
    return increase


def explain_from_bill(
    finding: Finding, increase: CostIncrease, *, bill: Bill, catalog: Catalog, export: str
) -> Explanation:
    """Return an explanation from the bill, with the CloudTrail events of the finding's notification.

    `export` names the bill in errors. Raises ConfigError if the bill has no usage charges for the finding.
    """
    explanations = explain_cost_increases(
        [increase], engine=bill.engine, catalog=catalog, as_of=bill.as_of, hourly=export_with_hours(bill)
    )
    if increase.fingerprint not in explanations:
        charges = charges_by_category(increase, engine=bill.engine, catalog=catalog)
        raise _no_drivers(finding, increase, charges=charges, export=export)
    notified = finding.explanation
    events = {"changes": notified.changes, "unseen": notified.unseen} if notified else {}
    return explanations[increase.fingerprint].model_copy(update=events)


def charges_by_category(increase: CostIncrease, *, engine: Engine, catalog: Catalog) -> list[Row]:
    """Return all charges on the days of a cost increase, by charge category and frequency."""
    values: dict[str, Value] = {
        "rises": [increase.identity],
        "first_day": increase.first_day,
        "end_day": increase.end_day,
    }
    return engine.query(
        catalog.lookups["finding_charge_categories"].render(values), label="charges of a finding"
    )


def _no_drivers(finding: Finding, increase: CostIncrease, *, charges: list[Row], export: str) -> ConfigError:
    days = period_text(increase.first_day, increase.end_day - timedelta(days=1))
    if not charges:
        return ConfigError(
            f"{export} contains no charges for finding {finding.fingerprint} {days}. "
            "With --export, specify the export that contains these charges."
        )
    amounts = "; ".join(_charge_text(row, currency=finding.currency) for row in charges)
    return ConfigError(
        f"Finding {finding.fingerprint} has no cost drivers, because {export} contains no usage charges for this "
        f"finding {days}. Other charges: {amounts}."
    )


def _charge_text(row: Row, *, currency: str) -> str:
    """Return a text such as `Purchase (One-Time): 355.33 USD billed, 0.00 USD effective`."""
    frequency = f" ({row['charge_frequency']})" if row["charge_frequency"] else ""
    billed, effective = (
        f"{amount(row[name] or 0.0)} {currency}" for name in ("billed_cost", "effective_cost")
    )
    return f"{row['charge_category'] or 'charges'}{frequency}: {billed} billed, {effective} effective"
