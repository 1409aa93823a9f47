"""An explanation in sentences: the same on a terminal, in Slack and on the page; each escapes what it shows."""

from collections.abc import Iterator, Sequence
from datetime import date

from focuswatch.findings.explanation import Change, CostDriver, Explanation, StartedOrStopped
from focuswatch.findings.finding import amount

SAID_TURNS = 3
SAID_CHANGES = 5
WHOLE = 100
LEAST_PRICE = 0.05  # of the excess: less is rounding, tiers and mix


def explanation_sentences(explanation: Explanation, *, currency: str) -> list[str]:
    """The excess, its parts, volume against price, what turned that day, who changed what; most telling first."""
    return [explanation_headline(explanation, currency=currency), *explanation_details(explanation)]


def explanation_headline(explanation: Explanation, *, currency: str) -> str:
    """The excess and its days, and whether more was used or the same got dearer."""
    days = period_text(explanation.first_day, explanation.last_day)
    return f"{amount(explanation.excess)} {currency} more than expected {days}: {_moved(explanation)}."


def period_text(first: date, last: date) -> str:
    """Return `on DAY`, or `from DAY to DAY`, both included."""
    return f"on {first}" if first == last else f"from {first} to {last}"


def explanation_details(explanation: Explanation) -> Iterator[str]:
    """Everything but the headline."""
    for part in explanation.parts:
        yield cost_driver_text(part, explanation)
    if explanation.others:
        yield f"everything else: {amount(explanation.others)}"
    yield from circumstances(explanation)


def circumstances(explanation: Explanation) -> Iterator[str]:
    """What is no part of the money: what turned that day, and who changed what."""
    yield from _turned("Began that day", explanation.began)
    yield from _turned("Ended that day", explanation.ended)
    yield from (_changed(change) for change in explanation.changes[:SAID_CHANGES])
    if (more := len(explanation.changes) - SAID_CHANGES) > 0:
        yield f"and {more} more changes"
    if explanation.unseen:
        yield f"CloudTrail: {explanation.unseen}"


def _moved(explanation: Explanation) -> str:
    volume, price = explanation.by_volume, explanation.by_price
    if abs(price) < LEAST_PRICE * float(abs(explanation.excess)):
        return "all by volume"
    if abs(volume) < LEAST_PRICE * float(abs(explanation.excess)):
        return "all by price"
    return f"{amount(volume)} by volume, {amount(price)} by price"


def cost_driver_text(part: CostDriver, explanation: Explanation) -> str:
    """`USE1-BoxUsage:p4d.24xlarge in us-east-1, RunInstances, i-0abc: 786.43, 98 % (new)`."""
    places = [part.meter or "no meter", *(["in " + part.region_id] if part.region_id else [])]
    named = [" ".join(places), part.service_name, part.operation, _resources(part)]
    share = f", {part.excess * WHOLE / explanation.excess:.0f} %" if explanation.excess else ""
    marks = "".join((" (new)" if part.is_new else "", " (a purchase, as billed)" if part.is_billed else ""))
    return f"{', '.join(name for name in named if name)}: {amount(part.excess)}{share}{marks}"


def _resources(part: CostDriver) -> str | None:
    if part.resource_id:
        return part.resource_id
    return f"{part.resources} resources" if part.resources > 1 else None


def _turned(heading: str, turns: Sequence[StartedOrStopped]) -> Iterator[str]:
    if turns:
        told = (f"{turn.kind} {turn.name} ({amount(turn.daily_cost)} a day)" for turn in turns[:SAID_TURNS])
        more = f" and {len(turns) - SAID_TURNS} more" if len(turns) > SAID_TURNS else ""
        yield f"{heading}: {', '.join(told)}{more}"


def _changed(change: Change) -> str:
    about = f" ({', '.join(change.resources)})" if change.resources else ""
    return f"{change.at:%Y-%m-%d %H:%M} {change.event} in {change.region_id} by {change.principal}{about}"
