"""Compute the expected findings of `new_region` and `new_service`: first charges of an account."""

from collections.abc import Callable, Iterator

from focuswatch.simulate.bill_calendar import BILL_START_DAYS, FIRST_SCAN_DAYS
from focuswatch.simulate.billing_meter_record_and_region_price_factors import REGIONS
from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import (
    Charged,
    Facts,
    account_id,
    first_day,
    last_day,
    total,
)
from focuswatch.simulate.planned_bill import Identity
from focuswatch.simulate.planned_charge_line import Line
from focuswatch.simulate.recognize_planned_gpu_token_and_transfer_lines import is_bedrock, is_edge
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

WARM_UP_DAYS = 14
LATER_NAMES = {  # current name of a service by its former name
    "Amazon Kinesis Firehose": "Amazon Data Firehose",
    "Amazon Elastic Container Service for Kubernetes": "Amazon Elastic Kubernetes Service",
}
BEDROCK = "Bedrock"  # the family of all services of Bedrock


def first_charges(facts: Facts) -> list[Incident]:
    regions = _firsts(
        facts, lambda line: line.region if line.region in REGIONS and not is_edge(line) else None
    )
    services = _firsts(facts, service_family)
    return [
        *(_incident(facts, "new_region", charged, start) for charged, start in regions),
        *(_incident(facts, "new_service", charged, start) for charged, start in services),
    ]


def service_family(line: Line) -> str:
    """Return the current name of the line's service; all services of Bedrock have one name."""
    return BEDROCK if is_bedrock(line) else LATER_NAMES.get(line.meter.service, line.meter.service)


def _firsts(facts: Facts, name_of: Callable[[Line], str | None]) -> Iterator[tuple[list[Charged], int]]:
    """Yield the lines of each first charge of an account after the start of the bill, and its day number.

    `name_of` returns the region or service of a line. A new account's first charge for a name that another account
    already uses is left out, unless the name is Bedrock.
    """
    groups: dict[tuple[str, str], list[Charged]] = {}
    for charged in facts.usage:
        if (name := name_of(charged.line)) is not None:
            groups.setdefault((account_id(charged.line), name), []).append(charged)
    firsts = {key: first_day(total(group)) for key, group in groups.items()}
    for (account, name), start in firsts.items():
        if start is None or start < BILL_START_DAYS:
            continue
        known = any(
            other != account and named == name and theirs is not None and theirs < start
            for (other, named), theirs in firsts.items()
        )
        if not (known and name != BEDROCK and _warming_up(facts, account, start)):
            yield groups[(account, name)], start


def _warming_up(facts: Facts, account: str, day: int) -> bool:
    first = facts.first_charge[account]
    return first >= BILL_START_DAYS and day < first + WARM_UP_DAYS


def _incident(facts: Facts, detection: str, charged: list[Charged], start: int) -> Incident:
    quantities, costs = total(charged), total(charged, costs=True)
    shown = min(
        (charge.line for charge in charged if charge.quantities[start] > 0),
        key=lambda line: line.meter.service,
    )
    identity: Identity = (account_id(shown), shown.region, None, None)
    if detection == "new_service":
        identity = (account_id(shown), None, shown.meter.service, None)
    return Incident(
        detection=detection,
        identity=identity,
        start=facts.day(start),
        end=facts.ending(last_day(quantities) + 1),
        daily_cost=float(costs[quantities > 0].mean()),
        expected_by=facts.day(start + 1),
        visible_until=facts.day(start + FIRST_SCAN_DAYS),
        note="the first charge follows from what else was planted there",
    )
