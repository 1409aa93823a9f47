"""What follows for the other detections of security: GPUs, data leaving, sleepers waking, guards gone."""

from collections.abc import Iterator

import numpy as np

from focuswatch.simulate.bill_calendar import BILL_START_DAYS, SETTLE_DAYS
from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Days, Line
from focuswatch.simulate.expected.expected_first_charges import FIRST_SCAN_DAYS
from focuswatch.simulate.expected.line_facts import (
    GUARDS,
    Charged,
    Facts,
    Flags,
    expectations,
    is_edge,
    is_gpu,
    is_instance_hours,
    is_internet_out,
    run_end,
    total,
)
from focuswatch.simulate.planted_truth import Incident

MAXIMUM_DAYS = 30  # an account's own maximum is that of so many days
SPAN_DAYS = 30
SPANS = 3
YOUNG_DAYS = 60
GUARDED_DAYS = 21
SILENT_DAYS = 2


def intrusions(facts: Facts) -> list[Incident]:
    return [*_gpu_bursts(facts), *_transfers(facts), *_wakings(facts), *_silences(facts)]


def _seen_at_once(
    facts: Facts, detection: str, identity: Identity, *, start: int, end: int, daily_cost: float, last: int
) -> Incident:
    """An incident told on unsettled days too, as long as its day `last` is one of the last seven."""
    return Incident(
        detection=detection,
        identity=identity,
        start=facts.day(start),
        end=facts.ending(end),
        daily_cost=daily_cost,
        expected_by=facts.day(start + 1),
        visible_until=facts.day(last + FIRST_SCAN_DAYS),
        note="it follows from what else was planted there",
    )


def _unplanned_gpu(line: Line) -> bool:
    reserved = line.commitment is not None and line.commitment.kind == "Reserved"
    return is_gpu(line) and line.reservation is None and not reserved


def _gpu_bursts(facts: Facts) -> Iterator[Incident]:
    for (account, region), charged in facts.by_place(_unplanned_gpu):
        hours, costs = total(charged), total(charged, costs=True)
        for day in range(BILL_START_DAYS, facts.calendar.days):
            usual = hours[max(0, day - MAXIMUM_DAYS) : day].max()
            if hours[day] > 3 * usual:
                yield _seen_at_once(
                    facts, "gpu_burst", (account, region, None, None), start=day, end=run_end(hours > 0, day),
                    daily_cost=float(costs[day]), last=day,
                )  # fmt: skip


def _transfers(facts: Facts) -> Iterator[Incident]:
    compute = dict(facts.by_account(is_instance_hours))
    for account, charged in facts.by_account(is_internet_out):
        costs = total(charged, costs=True)
        worked = total(compute[account]) if account in compute else np.zeros(facts.calendar.days)
        faster = _leaves_faster(total(charged), worked)
        for start in (np.flatnonzero(faster[28:] & ~faster[27:-1]) + 28).tolist():
            end = run_end(faster, start)
            yield _seen_at_once(
                facts, "data_transfer_spike", (account, None, None, None), start=start, end=end,
                daily_cost=float((costs - expectations(costs))[start:end].mean()), last=end - 1,
            )  # fmt: skip


def _leaves_faster(sent: Days, worked: Days) -> Flags:
    usual, usual_work = expectations(sent), expectations(worked)
    growth = sent / np.where(usual > 0, usual, np.inf) - 1
    work_growth = worked / np.where(usual_work > 0, usual_work, np.inf) - 1
    return np.asarray(
        (usual > 0) & (sent >= 4 * usual) & (sent - usual >= 100) & (work_growth < growth / 2), dtype=bool
    )


def _wakings(facts: Facts) -> Iterator[Incident]:
    for account, charged in facts.by_account(lambda line: not line.monthly):
        costs = total(charged, costs=True)
        for day in range(SPANS * SPAN_DAYS, facts.calendar.days):
            spans = costs[day - SPANS * SPAN_DAYS : day].reshape(SPANS, SPAN_DAYS).sum(axis=1)
            young = facts.first_charge[account] > max(0, day - YOUNG_DAYS)
            if costs[day] > 50 and spans.max() < 10 and not young:
                yield _seen_at_once(
                    facts, "dormant_account_woke", (account, None, None, None), start=day,
                    end=run_end(costs > 10, day), daily_cost=float(costs[day]), last=day,
                )  # fmt: skip


def _silences(facts: Facts) -> Iterator[Incident]:
    for (account, region), charged in facts.by_place(lambda line: not is_edge(line)):
        for service in GUARDS:
            guards = [one for one in charged if one.line.meter.service == service]
            others = [one for one in charged if one.line.meter.service != service]
            if guards and others:
                yield from _silence(facts, (account, region, service, None), guards, others)


def _silence(
    facts: Facts, identity: Identity, guards: list[Charged], others: list[Charged]
) -> Iterator[Incident]:
    guarded, alive = total(guards) > 0, total(others) > 0
    stops = np.flatnonzero(guarded[:-SETTLE_DAYS] & ~guarded[1 : 1 - SETTLE_DAYS]) + 1
    for day in stops.tolist():
        end = run_end(~guarded, day)
        dark = end - day >= SILENT_DAYS and bool(alive[day:end].all())
        if day >= GUARDED_DAYS and guarded[day - GUARDED_DAYS : day].all() and dark:
            yield Incident(
                detection="security_service_went_dark",
                identity=identity,
                start=facts.day(day),
                end=facts.ending(end),
                daily_cost=float(total(guards, costs=True)[day - 7 : day].mean()),
                expected_by=facts.day(day + SILENT_DAYS + SETTLE_DAYS),
                visible_until=facts.day(end + SETTLE_DAYS) if end < facts.calendar.days else None,
            )
