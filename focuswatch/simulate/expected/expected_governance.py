"""What follows for tags, for accounts that should be there, and for commitments that should be used."""

from collections.abc import Iterator

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Line
from focuswatch.simulate.expected.line_facts import (
    Charged,
    Facts,
    account_id,
    first_day,
    is_ai,
    last_day,
    total,
)
from focuswatch.simulate.planted_truth import Incident

LOOKBACK_DAYS = 7
LOOKBACK = slice(-SETTLE_DAYS - LOOKBACK_DAYS, -SETTLE_DAYS)
MONTH = 30 / LOOKBACK_DAYS
CLEAR_MONTHLY_COST = 5.0  # of untagged AI spend; less, or now and then, is open to argument
ALWAYS_DAYS = 30  # an account charged every day for so long was always there
MISSING_DAYS = 2  # settled days without a row


def keeping(facts: Facts) -> list[Incident]:
    return [*_untagged(facts), *_missing_accounts(facts), *_unused_commitments(facts)]


def _untagged(facts: Facts) -> Iterator[Incident]:
    note = "AI spend without a tag in an account without a team"
    for identity, charged in facts.by_resource(_nobody_signed):
        quantities, costs = total(charged), total(charged, costs=True)
        if costs[-30:].sum() < 1:
            continue
        daily = int((quantities[LOOKBACK] > 0).sum()) == LOOKBACK_DAYS
        clear = daily and bool(costs[LOOKBACK].sum() * MONTH >= CLEAR_MONTHLY_COST)
        yield _lasting(facts, "untagged_ai_spend", identity, charged, note=note, certain=clear)


def _lasting(
    facts: Facts,
    detection: str,
    identity: Identity,
    charged: list[Charged],
    *,
    note: str = "",
    certain: bool = True,
) -> Incident:
    quantities, costs = total(charged), total(charged, costs=True)
    start = first_day(quantities) or 0
    return Incident(
        detection=detection,
        identity=identity,
        start=facts.day(start),
        end=facts.ending(last_day(quantities) + 1),
        daily_cost=float(costs[quantities > 0].mean()),
        expected_by=facts.day(start + LOOKBACK_DAYS + SETTLE_DAYS),
        visible_until=None,
        note=note,
        certain=certain,
    )


def _nobody_signed(line: Line) -> bool:
    account = line.account
    return is_ai(line) and account is not None and not line.tags.get("team") and not account.tags.get("team")


def _missing_accounts(facts: Facts) -> Iterator[Incident]:
    closed = {account.id for account in facts.plan.organisation.accounts if account.closed_on}
    for account, charged in facts.by_account(lambda _: True):
        there, costs = total(charged) > 0, total(charged, costs=True)
        gone = last_day(there) + 1
        always = gone >= ALWAYS_DAYS and bool(there[:gone].all())
        if gone < facts.calendar.days - SETTLE_DAYS and always and account not in closed:
            yield Incident(
                detection="stale_export",
                identity=(account, None, None, None),
                start=facts.day(gone),
                end=None,
                daily_cost=float(costs[gone - 7 : gone].mean()),
                expected_by=facts.day(gone + MISSING_DAYS + SETTLE_DAYS),
                visible_until=facts.day(
                    gone - 1 + 29
                ),  # without charges for 30 days it is not missing any more
                note="charged every day, then not a row",
            )


def _unused_commitments(facts: Facts) -> Iterator[Incident]:
    commitments: dict[str, list[Charged]] = {}
    for charged in facts.usage:
        if charged.line.commitment:
            commitments.setdefault(charged.line.commitment.id, []).append(charged)
    for id, charged_to in commitments.items():
        unused = [one for one in charged_to if one.line.commitment and one.line.commitment.status == "Unused"]
        if not unused:
            continue
        wasted = total(unused, costs=True)[LOOKBACK].sum()
        if wasted >= 0.1 * total(charged_to, costs=True)[LOOKBACK].sum() and wasted * MONTH >= 50:
            line = unused[0].line
            yield _lasting(
                facts, "unused_commitment", (account_id(line), line.region, line.meter.service, id), unused
            )
