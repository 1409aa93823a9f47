"""Draft the section of owners.toml that announces a launch, from the days and charges on the bill.

Pure: rows in, TOML out. The section is never written to the file, because a person has to review it first.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from focuswatch.catalog.strip_tag_key_prefixes import plain_key
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.compute_finding_amounts_and_event_end import day_in
from focuswatch.findings.finding import Finding
from focuswatch.owners.format_toml_values import toml_comment, toml_key, toml_value
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.use_cases_section import Launch, UseCase

BASELINE_DAYS = 28  # as in athena_sql/tables/launch_days.sql
NEWEST_DAYS = 28  # newest complete days on which the increase can start
SETTLE_DAYS = 2
LAUNCH_DAYS = 28  # proposed, after the as-of date: the bill cannot show when a launch ends
LEAST_FACTOR, MOST_FACTOR, UNKNOWN_FACTOR = 1.5, 1000.0, 2.0
MOST_RESOURCES = 20
COVERED_SHARE = 0.99  # minimum share of the launch's cost with the selecting tag
OTHER_SHARE = 0.25  # maximum other cost with that tag, relative to the launch's cost
LONGEST_NAME = 60


@dataclass(frozen=True)
class Increase:
    """An increase of daily cost: its first day, the mean cost per day before and since, and the highest since."""

    first_day: date
    daily_before: float
    daily_since: float
    peak: float

    def factor(self, baseline: float) -> float:
        """Return the peak as a multiple of `baseline`, rounded up to the next half; 2 without a baseline."""
        if baseline <= 0:
            return UNKNOWN_FACTOR
        return min(max(math.ceil(2 * round(self.peak / baseline, 6)) / 2, LEAST_FACTOR), MOST_FACTOR)


def increase_of(
    costs: Mapping[date, float], *, as_of: date, first_day: date | None = None
) -> Increase | None:
    """Return the increase on the newest complete days, from `first_day` on, or from the day that fits the costs best.

    The best day divides the costs into two levels with the smallest squared error. None if the level does not rise on
    any day.
    """
    last = as_of - timedelta(days=SETTLE_DAYS + 1)
    candidates = [first_day] if first_day else [last - timedelta(days=back) for back in range(NEWEST_DAYS)]
    best: tuple[float, Increase] | None = None
    for day in candidates:
        before = [costs.get(day - timedelta(days=back), 0.0) for back in range(1, BASELINE_DAYS + 1)]
        since = [costs.get(day + timedelta(days=on), 0.0) for on in range(max((last - day).days + 1, 1))]
        increase = Increase(day, sum(before) / len(before), sum(since) / len(since), max(since))
        rise = increase.daily_since - increase.daily_before
        weight = rise * rise * len(before) * len(since) / (len(before) + len(since))
        if rise > 0 and (best is None or weight > best[0]):
            best = (weight, increase)
    return best[1] if best else None


def note_of_use_case(
    name: str, costs: Mapping[date, float], *, owners: Owners, as_of: date, currency: str
) -> str:
    """Return the section of a use case with a new launch, which replaces planned launches that it overlaps.

    Raises ConfigError if the use case has no `rows`, or if the bill shows no increase.
    """
    use_case = owners.use_cases[name]
    if not use_case.rows.is_set:
        raise ConfigError(
            f"Use case {name} has no `rows`, so it includes all charges of team {use_case.team}. Before you declare a "
            "launch, add `rows` to the use case to select the charges of the launch."
        )
    increase = increase_of(costs, as_of=as_of)
    if increase is None:
        raise ConfigError(
            f"The cost of use case {name} has not increased in the last {NEWEST_DAYS} complete days."
        )
    launch = _launch(increase, baseline=increase.daily_before, as_of=as_of)
    others = [one for one in use_case.launches if not _overlap(one, launch)]
    with_launch = use_case.model_copy(update={"launches": [*others, launch]})
    about = f"Use case {name}: {_costs(increase, currency)}. Replace the section of the use case in owners.toml with:"
    return _block(name, with_launch, comments=[about, *_to_review(increase.daily_before)], owners=owners)


def note_of_finding(finding: Finding, rows: Sequence[Row], *, owners: Owners, as_of: date) -> str:
    """Return a section for the charges of a finding; `rows` are the result of the lookup noted_charges.

    Raises ConfigError if the bill shows no increase of these charges, or if a use case already selects them.
    """
    noted = [row for row in rows if row["is_noted"]]
    increase = increase_of(_by_day(noted), as_of=as_of, first_day=day_in(finding.evidence, ("first_day",)))
    if increase is None:
        raise ConfigError(f"The bill shows no cost increase for the finding {finding.fingerprint}.")
    product = str(finding.evidence.get("product") or finding.service_name or finding.title)
    account = account_label(finding.sub_account_name, finding.sub_account_id) or "no account"
    since = [row for row in rows if row["charge_date"] >= increase.first_day]
    selected, selection = _selected(since, account_id=finding.sub_account_id, owners=owners)
    of_service = _by_day(rows)
    # If the charges are new, the baseline is the cost of the service, as in athena_sql/tables/launch_days.sql.
    baseline = (
        increase.daily_before
        or sum(
            of_service.get(increase.first_day - timedelta(days=back), 0.0)
            for back in range(1, BASELINE_DAYS + 1)
        )
        / BASELINE_DAYS
    )
    use_case = UseCase.model_validate(
        {
            "intent": "production",
            **({"team": finding.team} if finding.team in owners.teams else {}),
            "launches": [_launch(increase, baseline=baseline, as_of=as_of).model_dump()],
            "rows": selected,
        }
    )
    name = _new_name(
        f"{product} {finding.sub_account_name or finding.sub_account_id or ''}", taken=owners.use_cases
    )
    about = f"{product} in {account}: {_costs(increase, finding.currency)}. Add to owners.toml:"
    return _block(name, use_case, comments=[about, selection, *_to_review(baseline)], owners=owners)


def _by_day(rows: Sequence[Row]) -> dict[date, float]:
    costs: dict[date, float] = defaultdict(float)
    for row in rows:
        costs[row["charge_date"]] += row["effective_cost"]
    return costs


def _launch(increase: Increase, *, baseline: float, as_of: date) -> Launch:
    return Launch(
        first_day=increase.first_day,
        last_day=as_of + timedelta(days=LAUNCH_DAYS),
        factor=increase.factor(baseline),
    )


def _overlap(one: Launch, other: Launch) -> bool:
    return one.first_day <= other.last_day and other.first_day <= one.last_day


def _costs(increase: Increase, currency: str) -> str:
    return (
        f"{amount(increase.daily_since)} {currency}/day since {increase.first_day} (highest day: "
        f"{amount(increase.peak)} {currency}); previously {amount(increase.daily_before)} {currency}/day"
    )


def _to_review(baseline: float) -> Iterator[str]:
    yield (
        f"Review the keys `intent`, `last_day` (proposed: {LAUNCH_DAYS} days from now) and `factor` (based "
        "on the highest daily cost so far)."
    )
    if baseline <= 0:
        yield (
            "The bill has no earlier cost to use as the baseline, so `factor` is a placeholder "
            f"({UNKNOWN_FACTOR:g})."
        )


def _selected(rows: Sequence[Row], *, account_id: str | None, owners: Owners) -> tuple[dict[str, Any], str]:
    """Return `rows` of the section and a sentence about them: resources, or else a tag, or else the whole account."""
    noted = [row for row in rows if row["is_noted"]]
    resources = {row["resource_id"] for row in noted if row["effective_cost"] > 0}
    if 0 < len(resources) <= MOST_RESOURCES and not any(one is None or "*" in one for one in resources):
        return {"resources": sorted(resources)}, "This section selects the charges by resource."
    if (tag := _selecting_tag(rows, owners=owners)) is not None:
        key, value = tag
        return {"tags": {key: [value]}}, (
            f"This section selects the charges by the tag {key}. At least {COVERED_SHARE:.0%} of the cost "
            "of the launch has this tag."
        )
    if account_id is None:
        raise ConfigError(
            "None of the finding's charges has an account, a resource or a tag that a rule in owners.toml could match. "
            "Add a tag first."
        )
    return {"accounts": [account_id]}, (
        "No resource or tag matches only these charges, so this section selects the whole account. To narrow the "
        "selection, tag the resources."
    )


def _selecting_tag(rows: Sequence[Row], *, owners: Owners) -> tuple[str, str] | None:
    """Return the tag that nearly all noted charges and few other charges have; tags that name a team are ignored."""
    costs: dict[bool, dict[tuple[str, str], float]] = {True: defaultdict(float), False: defaultdict(float)}
    total = sum(row["effective_cost"] for row in rows if row["is_noted"])
    for row in rows:
        for key, value in (row["tags"] or {}).items():
            if value and value.strip():
                costs[row["is_noted"]][(plain_key(key), value.strip())] += row["effective_cost"]
    suitable = (
        (costs[False].get(tag, 0.0), tag)
        for tag, cost in costs[True].items()
        if tag[0] not in owners.tag_keys
        and total > 0
        and cost >= COVERED_SHARE * total
        and costs[False].get(tag, 0.0) <= OTHER_SHARE * total
    )
    return min(suitable, default=(0.0, None))[1]


def _new_name(words: str, *, taken: Mapping[str, object]) -> str:
    """Return an unused name for a use case, of letters, digits and hyphens."""
    name = re.sub(r"[^a-z0-9]+", "-", words.lower())[:LONGEST_NAME].strip("-") or "launch"
    return next(one for number in range(1, len(taken) + 2) if (one := _numbered(name, number)) not in taken)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _block(name: str, use_case: UseCase, *, comments: Sequence[str], owners: Owners) -> str:
    """Return the comments and the section. Raises ConfigError if owners.toml would be invalid with the section."""
    checked = Owners(
        routing=owners.routing, teams=owners.teams, use_cases={**owners.use_cases, name: use_case}
    )
    if mistakes := list(checked.mistakes()):
        raise ConfigError("With this section, owners.toml would be invalid: " + " ".join(mistakes))
    options = use_case.model_dump(exclude_defaults=True)
    ordered = {"intent": options.pop("intent"), **options}
    lines = [toml_comment(comment) for comment in comments]
    lines.append(f"[use_cases.{toml_key(name)}]")
    lines += [f"{toml_key(key)} = {toml_value(value)}" for key, value in ordered.items()]
    return "\n".join(lines) + "\n"
