"""A finding as an issue says it: summary, description, comments. Pure; in Jira's wiki markup, which REST v2 takes."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from focuswatch.catalog.catalog import DetectionHeader
from focuswatch.findings.amount_text import full_amount, main_amount, saving_text
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.findings.finding import Finding, Severity, account_label, amount, display_values
from focuswatch.findings.paste_commands import COMMAND
from focuswatch.notify.jira.wiki_markup import escaped, one_line, verbatim

SUMMARY_CHARACTERS = 254  # Jira: "must be less than 255", and Data Center's column holds 255
TEXT_CHARACTERS = (
    32_000  # of 32,767, Jira's own limit for a description or comment; the rest is for what it adds
)
LENGTHS = (
    3_000,
    1_000,
    300,
)  # how long a sentence may be; less where names of the bill are longer than a text
PLACE_CHARACTERS = 60
SENTENCE_CHARACTERS, NAME_CHARACTERS, VALUE_CHARACTERS = LENGTHS[0], 300, 400
DUPLICATE_MARK = "about the same finding as"  # known again by it; without a sign that Jira would change
COMMANDS_CHARACTERS = 4_000  # as many as an action has: a command is never cut
MOST_STEPS = 30  # lines; the catalog's have three or four


def comment_mark(fingerprint: str, number: int) -> str:
    """What stands in a comment on news of that number and nowhere else; without a sign that Jira would change."""
    return f"{fingerprint} news {number}"


def render_summary(finding: Finding) -> str:
    """One line: what, where, how much."""
    places = (account_label(finding.sub_account_name, finding.sub_account_id), finding.region_id)
    where = ", ".join(filter(None, (one_line(place or "", longest=PLACE_CHARACTERS) for place in places)))
    tail = (f": {where}" if where else "") + f" ({main_amount(finding)})"
    return one_line(finding.title, longest=SUMMARY_CHARACTERS - len(tail)) + tail


def render_description(
    finding: Finding, *, header: DetectionHeader | None, query_url: str | None, days: int
) -> str:
    """The whole of a finding; `days` is for how long closing it silences it."""
    texts = (
        _description(finding, header=header, query_url=query_url, days=days, longest=longest)
        for longest in LENGTHS
    )
    return next((text for text in texts if len(text) <= TEXT_CHARACTERS), escaped(finding.title, longest=200))


def _description(
    finding: Finding, *, header: DetectionHeader | None, query_url: str | None, days: int, longest: int
) -> str:
    parts = [
        f"*{escaped(full_amount(finding), longest=160)}* · {finding.severity} · {finding.category}",
        escaped(finding.reason, longest=longest),
        "h3. What to do\n" + "\n".join(_steps(finding, longest=longest)),
        "h3. Where\n" + verbatim(_table(_where(finding)), longest=2 * longest),
        *_why(finding, longest=longest),
        "h3. Evidence\n" + verbatim(_table(_evidence(finding)), longest=2 * longest),
        *([f"[Ask it yourself in Athena|{query_url}]"] if query_url else []),
    ]
    if header:
        spots = (f"* {escaped(spot, longest=longest)}" for spot in header.blind_spots)
        parts.append("h3. Known ways to be wrong\n" + "\n".join(spots))
    parts.append(f"----\n{_ending(finding, header=header, days=days)}")
    return "\n\n".join(parts)


def _why(finding: Finding, *, longest: int) -> list[str]:
    """Why its money rose; nothing where nothing did."""
    if finding.explanation is None:
        return []
    lines = explanation_sentences(finding.explanation, currency=finding.currency)
    text = "\n".join(one_line(line, longest=VALUE_CHARACTERS) for line in lines)
    return ["h3. Why\n" + verbatim(text, longest=2 * longest)]


def _ending(finding: Finding, *, header: DetectionHeader | None, days: int) -> str:
    told = (
        "This happened, and is told once: close it when it is known what it was."
        if header and header.notify == "once"
        else "focuswatch keeps this up to date, and closes it when the bill shows that it is gone. If it is meant to "
        f"be so, close it: nobody hears of it for {days} days."
    )
    return f"{told} Finding {finding.fingerprint}, as of {escaped(str(finding.as_of), longest=20)}."


def render_change(finding: Finding, *, number: int, cost: Decimal | None, severity: Severity | None) -> str:
    """A comment on a material change; `cost` and `severity` are what the issue said until now."""
    was = f" It was {amount(cost)} {finding.currency}." if cost is not None else ""
    worse = (
        f" It is {finding.severity} now, no longer {severity}."
        if severity not in (None, finding.severity)
        else ""
    )
    return _comment(
        f"Now {full_amount(finding)}.{was}{worse}", finding.reason, finding=finding, number=number
    )


def render_reminder(finding: Finding, *, number: int) -> str:
    """A comment that it is still so."""
    since = f"It is still so, first seen on {finding.first_seen}: {full_amount(finding)}."
    return _comment(since, finding.reason, finding=finding, number=number)


def render_reopened(finding: Finding, *, number: int, excluded: bool) -> str:
    """A comment on a finding that is told again; `excluded` where somebody had closed its issue."""
    there = "It is still there, and the time for which it was excluded is over" if excluded else "It is back"
    return _comment(f"{there}: {full_amount(finding)}.", finding.reason, finding=finding, number=number)


def render_resolved(finding: Finding, *, number: int) -> str:
    """A comment on a finding that is gone, and on what that saves."""
    told = f"It is gone: the data as of {finding.as_of} does not show it any more."
    saves = saving_text(finding, saved_daily=None)
    return _comment(f"{told} {saves}" if saves else told, None, finding=finding, number=number)


def render_duplicate(of: str) -> str:
    """A comment on an issue about what another one is about already."""
    return f"This is {DUPLICATE_MARK} {of}, which is older and is kept up to date. It is closed as a double."


def _comment(told: str, reason: str | None, *, finding: Finding, number: int) -> str:
    parts = [escaped(told, longest=SENTENCE_CHARACTERS)]
    if reason:
        parts.append(escaped(reason, longest=SENTENCE_CHARACTERS))
    return "\n\n".join([*parts, f"Finding {comment_mark(finding.fingerprint, number)}"])


def _steps(finding: Finding, *, longest: int) -> Iterator[str]:
    """What to do, line by line; a command that ends its line stands in a block, exactly as it is to be typed."""
    lines = [line.strip() for line in finding.action.splitlines()[:MOST_STEPS] if line.strip()]
    pieces = [piece for line in lines for piece in _pieces(line)]
    for is_command, group in groupby(pieces, key=itemgetter(0)):
        texts = [text for _, text in group]
        if is_command:
            yield verbatim("\n".join(texts), longest=COMMANDS_CHARACTERS)
        else:
            yield from (escaped(text, longest=longest) for text in texts)


def _pieces(line: str) -> Iterator[tuple[bool, str]]:
    """Prose and the commands in it that nothing follows but a bracket; (whether it is a command, its text)."""
    end = 0
    for found in COMMAND.finditer(line):
        after = line[found.end() :]
        if after.strip() and not after.startswith(" ("):
            continue
        yield from ((False, said) for said in (line[end : found.start()].strip(),) if said)
        yield True, found[0]
        end = found.end()
    yield from ((False, said) for said in (line[end:].strip(),) if said)


def _where(finding: Finding) -> dict[str, str]:
    account = " ".join(filter(None, (finding.sub_account_name, finding.sub_account_id)))
    rows = {
        "account": account,
        "region": finding.region_id,
        "service": finding.service_name,
        "resource": finding.resource_id,
        "owner": f"{finding.team} (by {finding.owned_by})" if finding.team else "nobody",
        "first seen": str(finding.first_seen),
        "last seen": str(finding.last_seen),
    }
    return {name: value for name, value in rows.items() if value}


def _evidence(finding: Finding) -> dict[str, str]:
    return display_values({name: value for name, value in finding.evidence.items() if value is not None})


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows), default=0)
    return "\n".join(
        f"{one_line(name, longest=NAME_CHARACTERS):<{width}}  {one_line(value, longest=VALUE_CHARACTERS)}"
        for name, value in rows.items()
    )
