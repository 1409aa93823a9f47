"""Render the summary, description and comments of an issue, in the wiki markup of REST API v2. Sends no request."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from focuswatch.catalog.sql_header_models import DetectionHeader
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import (
    display_values,
    evidence_label,
)
from focuswatch.findings.exclusion_offer_text import offer_command, offer_reason
from focuswatch.findings.fill_action_with_safe_commands import COMMAND
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import (
    full_amount,
    main_amount,
    previous_amount,
)
from focuswatch.findings.saving_text import saving_text
from focuswatch.findings.severity import Severity
from focuswatch.notify.jira.escape_and_shorten_wiki_text import escaped, one_line, verbatim
from focuswatch.notify.place_and_owner_names import account_of_finding, owner_of_finding, region_id_of_finding
from focuswatch.notify.related_findings_and_region_rollout_text import (
    also_detected_text,
    rollout_extent,
    rollout_lines,
    rollout_text,
)

SUMMARY_CHARACTERS = 254  # Jira: "must be less than 255"; the database column of Data Center holds 255
# Jira allows 32,767 characters in a description or comment; the difference is a reserve for characters that Jira adds.
TEXT_CHARACTERS = 32_000
# Limits of a sentence. The smaller ones apply if very long names from the bill make the description too long.
LENGTHS = (3_000, 1_000, 300)
PLACE_CHARACTERS = 60
SENTENCE_CHARACTERS, NAME_CHARACTERS, VALUE_CHARACTERS = LENGTHS[0], 300, 400
DUPLICATE_MARK = "about the same finding as"  # identifies the comment; has no characters that Jira changes
COMMANDS_CHARACTERS = 4_000  # maximum length of an action, so commands are never cut
MOST_STEPS = 30  # lines of an action; those in the catalog have three or four


def comment_mark(fingerprint: str, number: int) -> str:
    """Return the text that identifies the comment for a notification; it has no characters that Jira changes."""
    return f"{fingerprint} notification {number}"


def render_summary(finding: Finding) -> str:
    """Return the summary line: title, account and region, amount."""
    places = (account_label(finding.sub_account_name, finding.sub_account_id), finding.region_id)
    if finding.rollout:
        places = (rollout_extent(finding.rollout), None)
    where = ", ".join(filter(None, (one_line(place or "", longest=PLACE_CHARACTERS) for place in places)))
    tail = (f": {where}" if where else "") + f", {main_amount(finding)}"
    return one_line(finding.title, longest=SUMMARY_CHARACTERS - len(tail)) + tail


def render_description(
    finding: Finding, *, header: DetectionHeader | None, query_url: str | None, days: int
) -> str:
    """Return the description. `days` is how long the finding is excluded after a person closes the issue."""
    texts = (
        _description(finding, header=header, query_url=query_url, days=days, longest=longest)
        for longest in LENGTHS
    )
    return next((text for text in texts if len(text) <= TEXT_CHARACTERS), escaped(finding.title, longest=200))


def _description(
    finding: Finding, *, header: DetectionHeader | None, query_url: str | None, days: int, longest: int
) -> str:
    parts = [
        f"*{escaped(full_amount(finding), longest=160)}* · {finding.incident_severity} · {finding.category}",
        escaped(finding.reason, longest=longest),
        *([escaped(also, longest=longest)] if (also := also_detected_text(finding)) else []),
        *_rollout(finding, longest=longest),
        "h3. What to do\n" + "\n".join(_steps(finding, longest=longest)),
        "h3. Where\n" + verbatim(_table(_where(finding)), longest=2 * longest),
        *_root_cause(finding, longest=longest),
        "h3. Evidence\n" + verbatim(_table(_evidence(finding)), longest=2 * longest),
        *([f"[Open the query in Athena|{query_url}]"] if query_url else []),
    ]
    if header:
        spots = (f"* {escaped(spot, longest=longest)}" for spot in header.blind_spots)
        parts.append("h3. Known limitations\n" + "\n".join(spots))
    if finding.exclusion_offer:
        offer = finding.exclusion_offer
        command = verbatim(offer_command(finding, offer), longest=COMMANDS_CHARACTERS)
        parts.append(
            f"h3. Suggested exclusion\n{escaped(offer_reason(finding, offer), longest=longest)}\n{command}"
        )
    parts.append(f"----\n{_ending(finding, header=header, days=days)}")
    return "\n\n".join(parts)


def _rollout(finding: Finding, *, longest: int) -> list[str]:
    """Return the paragraphs about a rollout: its accounts and their new regions. Empty for other findings."""
    if finding.rollout is None:
        return []
    text = "\n".join(one_line(line, longest=2 * longest) for line in rollout_lines(finding.rollout))
    return [escaped(rollout_text(finding.rollout), longest=longest), verbatim(text, longest=4 * longest)]


def _root_cause(finding: Finding, *, longest: int) -> list[str]:
    """Return the paragraph about the root cause of a cost increase. Empty for a finding without one."""
    if finding.explanation is None:
        return []
    lines = explanation_sentences(finding.explanation, currency=finding.currency)
    text = "\n".join(one_line(line, longest=VALUE_CHARACTERS) for line in lines)
    return ["h3. Root cause\n" + verbatim(text, longest=2 * longest)]


def _ending(finding: Finding, *, header: DetectionHeader | None, days: int) -> str:
    text = (
        "This finding reports a single event. Close the issue when the cause of the event is confirmed."
        if header and header.notify == "once"
        else "focuswatch updates this issue as the finding changes, and closes it when the finding is resolved. If the "
        "finding is expected, close the issue. focuswatch then excludes the finding from notifications for "
        f"{days} days."
    )
    return f"{text} Finding {finding.fingerprint}, as of {escaped(str(finding.as_of), longest=20)}."


def render_change(finding: Finding, *, number: int, cost: Decimal | None, severity: Severity | None) -> str:
    """Return the comment on a material change; `cost` and `severity` are the previous values."""
    was = f" Previously {previous_amount(finding, cost)}." if cost is not None else ""
    now = finding.incident_severity
    severities = f" Severity: {now}, previously {severity}." if severity not in (None, now) else ""
    return _comment(
        f"Now {full_amount(finding)}.{was}{severities}", finding.reason, finding=finding, number=number
    )


def render_reminder(finding: Finding, *, number: int) -> str:
    """Return the comment that the finding is still open."""
    since = f"Still open, first seen on {finding.first_seen}: {full_amount(finding)}."
    return _comment(since, finding.reason, finding=finding, number=number)


def render_reopened(finding: Finding, *, number: int, excluded: bool) -> str:
    """Return the comment on a finding that was detected again; `excluded`: a person had closed its issue."""
    opening = (
        "The exclusion has ended and the finding is still present"
        if excluded
        else "The finding was detected again"
    )
    return _comment(f"{opening}: {full_amount(finding)}.", finding.reason, finding=finding, number=number)


def render_resolved(finding: Finding, *, number: int) -> str:
    """Return the comment on a resolved finding and its savings."""
    text = f"Resolved: no longer detected on the bill as of {finding.as_of}."
    saves = saving_text(finding)
    return _comment(f"{text} {saves}" if saves else text, None, finding=finding, number=number)


def render_saving(finding: Finding, *, number: int) -> str:
    """Return the comment on the savings of a resolved finding that the bill confirms."""
    return _comment(saving_text(finding) or "", None, finding=finding, number=number)


def render_duplicate(of: str) -> str:
    """Return the comment on a duplicate issue; `of` is the key of the issue that is kept."""
    return (
        f"This issue is {DUPLICATE_MARK} {of}, an older issue that focuswatch keeps up to date. "
        "Therefore focuswatch closes this issue as a duplicate."
    )


def _comment(text: str, reason: str | None, *, finding: Finding, number: int) -> str:
    parts = [escaped(text, longest=SENTENCE_CHARACTERS)]
    if reason:
        parts.append(escaped(reason, longest=SENTENCE_CHARACTERS))
    return "\n\n".join([*parts, f"Finding {comment_mark(finding.fingerprint, number)}"])


def _steps(finding: Finding, *, longest: int) -> Iterator[str]:
    """Yield the lines of the action; a command at the end of a line becomes a block of its own, shown unchanged."""
    lines = [line.strip() for line in finding.action.splitlines()[:MOST_STEPS] if line.strip()]
    pieces = [piece for line in lines for piece in _pieces(line)]
    for is_command, group in groupby(pieces, key=itemgetter(0)):
        texts = [text for _, text in group]
        if is_command:
            yield verbatim("\n".join(texts), longest=COMMANDS_CHARACTERS)
        else:
            yield from (escaped(text, longest=longest) for text in texts)


def _pieces(line: str) -> Iterator[tuple[bool, str]]:
    """Yield (is command, text) for the parts of a line.

    A command counts as one only at the end of the line or before a parenthesis; otherwise it remains in the prose.
    """
    end = 0
    for command in COMMAND.finditer(line):
        after = line[command.end() :]
        if after.strip() and not after.startswith(" ("):
            continue
        yield from ((False, prose) for prose in (line[end : command.start()].strip(),) if prose)
        yield True, command[0]
        end = command.end()
    yield from ((False, prose) for prose in (line[end:].strip(),) if prose)


def _where(finding: Finding) -> dict[str, str]:
    rows = {
        "account": account_of_finding(finding),
        "region": region_id_of_finding(finding),
        "service": finding.service_name,
        "resource": finding.resource_id,
        "owner": owner_of_finding(finding),
        "first seen": str(finding.first_seen),
        "last seen": str(finding.last_seen),
    }
    return {name: value for name, value in rows.items() if value}


def _evidence(finding: Finding) -> dict[str, str]:
    shown = display_values({name: value for name, value in finding.evidence.items() if value is not None})
    return {evidence_label(name): value for name, value in shown.items()}


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows), default=0)
    return "\n".join(
        f"{one_line(name, longest=NAME_CHARACTERS):<{width}}  {one_line(value, longest=VALUE_CHARACTERS)}"
        for name, value in rows.items()
    )
