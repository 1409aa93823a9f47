"""What follows for waste: stretches of days on which something was charged and not used."""

from collections.abc import Iterable, Iterator

import numpy as np

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Line
from focuswatch.simulate.expected.line_facts import (
    Charged,
    Facts,
    Flags,
    account_id,
    is_bedrock_use,
    is_instance_hours,
    is_pool,
    sku,
    total,
)
from focuswatch.simulate.planted_truth import Incident

LOOKBACK = 7
LONG_LOOKBACK = 14
FLOORS = ("Kendra", "Q-Business-Index", "NeptuneAnalytics", "ESInstance")
MODELS_HELD = ("CustomModelImport", "Customization-Storage")
MINIMAL_MONTHLY_COST = 1.0
UTILISATION = "GPUUtilization"  # says how busy a machine is, not whether anybody asked it


def waste(facts: Facts) -> list[Incident]:
    """Idle stretches of every pool, endpoint, capacity, model, index and volume of the plan."""
    found = [
        *_pools(facts),
        *_watched(facts, "idle_sagemaker_endpoint", ("Host:",), lookback=LOOKBACK),
        *_capacities(facts),
        *_watched(facts, "idle_custom_model", MODELS_HELD, lookback=LONG_LOOKBACK),
        *_watched(facts, "idle_floor_service", FLOORS, lookback=LONG_LOOKBACK),
        *_volumes(facts),
    ]
    return [incident for incident in found if incident.daily_cost * 30 >= MINIMAL_MONTHLY_COST]


def _idle(
    facts: Facts, detection: str, identity: Identity, charged: list[Charged], *, used: Flags, lookback: int,
) -> Iterator[Incident]:  # fmt: skip
    """Use acquits on the day it is seen, settled or not; that charges ended shows two days later."""
    costs, quantities = total(charged, costs=True), total(charged)
    for start, end in _stretches((quantities > 0) & ~used, lookback=lookback):
        over = end < facts.calendar.days
        gone = end if over and used[end] else end + SETTLE_DAYS
        yield Incident(
            detection=detection,
            identity=identity,
            start=facts.day(start),
            end=facts.ending(end),
            daily_cost=float(costs[start:end].mean()),
            expected_by=facts.day(start + lookback + SETTLE_DAYS),
            visible_until=facts.day(gone) if over else None,
            note="idle for a while",
        )


def _stretches(flags: Flags, *, lookback: int) -> Iterator[tuple[int, int]]:
    """Runs `[start, end)` of true days that fill a lookback."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(int)))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= lookback:
            yield int(start), int(end)


def _metered(facts: Facts, words: Iterable[str]) -> Iterator[tuple[Identity, list[Charged]]]:
    wanted = tuple(words)
    return facts.by_resource(lambda line: any(word in sku(line) for word in wanted))


def _requests(facts: Facts, line: Line, *, whole_region: bool = False) -> Flags | None:
    """Days on which the resource was asked for anything; None when nobody looked."""
    watches = [
        watch
        for watch in facts.plan.watches
        if watch.metric != UTILISATION
        and (watch.account.id, watch.region) == (account_id(line), line.region)
        and (watch.resource == line.resource or (whole_region and watch.namespace == "AWS/AOSS"))
    ]
    if not watches:
        return None
    days = [facts.day(index) for index in range(facts.calendar.days)]
    asked = [any(one.first <= day < one.last and one.value(day) > 0 for one in watches) for day in days]
    return np.array(asked, dtype=bool)


def _days_of_use(facts: Facts, lines: Iterable[Charged]) -> Flags:
    used = np.zeros(facts.calendar.days, dtype=bool)
    for charged in lines:
        used |= charged.quantities > 0
    return used


def _watched(facts: Facts, detection: str, words: Iterable[str], *, lookback: int) -> Iterator[Incident]:
    """What CloudWatch alone can convict."""
    for identity, charged in _metered(facts, words):
        used = _requests(facts, charged[0].line)
        if used is not None:
            yield from _idle(facts, detection, identity, charged, used=used, lookback=lookback)


def _pools(facts: Facts) -> Iterator[Incident]:
    calls = dict(facts.by_account(is_bedrock_use))
    for identity, charged in facts.by_resource(is_pool):
        used = _days_of_use(facts, calls.get(account_id(charged[0].line), []))
        searched = _requests(facts, charged[0].line, whole_region=True)
        used = used if searched is None else used | searched
        yield from _idle(
            facts, "orphaned_opensearch_collection", identity, charged, used=used, lookback=LOOKBACK,
        )  # fmt: skip


def _capacities(facts: Facts) -> Iterator[Incident]:
    calls = dict(facts.by_account(is_bedrock_use))
    for identity, charged in _metered(facts, ("ProvisionedThroughput",)):
        held = charged[0].line
        used = _requests(facts, held)
        if used is None:
            used = _days_of_use(
                facts, (one for one in calls.get(account_id(held), []) if _same_model(one.line, held))
            )
        yield from _idle(
            facts, "idle_bedrock_provisioned_throughput", identity, charged, used=used, lookback=LOOKBACK
        )


def _same_model(used: Line, held: Line) -> bool:
    if used.meter.service != held.meter.service:
        return False
    return held.meter.marketplace or _model(used) == _model(held)


def _model(line: Line) -> str:
    """`Nova2.0Lite` of `USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits`."""
    named = line.meter.meter.removeprefix("{p}")
    return named.split("-ProvisionedThroughput")[0].split("-input")[0].split("-output")[0]


def _volumes(facts: Facts) -> Iterator[Incident]:
    compute = dict(facts.by_place(is_instance_hours))
    for identity, charged in _metered(facts, ("EBS:VolumeUsage",)):
        line = charged[0].line
        used = _days_of_use(facts, compute.get((account_id(line), line.region or ""), []))
        yield from _idle(facts, "abandoned_volume", identity, charged, used=used, lookback=LONG_LOOKBACK)
