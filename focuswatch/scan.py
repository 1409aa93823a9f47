"""The whole job over one bill: ask every detection, find the owners, let the ledger decide what is news.

It talks to nobody; whoever calls it tells the news.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from focuswatch.answers import Answers
from focuswatch.catalog import Catalog, Detection
from focuswatch.coverage import Coverage, coverage
from focuswatch.detect import Outcome, Question, ask, news_since
from focuswatch.engine import Engine, Row
from focuswatch.errors import QueryError
from focuswatch.exchange_rates import Rate, rate_of
from focuswatch.explain.told import Trail, explained
from focuswatch.findings import Finding, fingerprint, to_finding
from focuswatch.launched import launched
from focuswatch.ledger import Ledger, Looked, News, Run, decide
from focuswatch.owners import Owners
from focuswatch.saved import verify_saved

ACCOUNTS = """
SELECT billed.sub_account_id, coalesce(accounts.name, billed.name) AS name, accounts.ou_path, accounts.tags
FROM (
    SELECT
        SubAccountId AS sub_account_id,
        max_by(SubAccountName, charge_date) FILTER (WHERE SubAccountName IS NOT NULL) AS name
    FROM daily_services
    WHERE SubAccountId IN ({account_ids})
    GROUP BY 1
) AS billed
LEFT JOIN accounts ON billed.sub_account_id = accounts.sub_account_id
"""


@dataclass(frozen=True)
class Scanned:
    """What a scan found. `findings` are new, changed, open or just resolved, costliest first; `news` are to be told."""

    as_of: date
    currency: str
    findings: tuple[Finding, ...]
    news: tuple[News, ...]
    outcomes: tuple[Outcome, ...]
    coverage: Coverage
    silenced: int
    seconds: float
    notes: tuple[str, ...] = ()  # what is not told, and why
    left: tuple[str, ...] = ()  # detections that were not asked, because the time was over

    @property
    def failures(self) -> list[Outcome]:
        """The detections that could not be run."""
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def monthly_waste(self) -> Decimal:
        """What stopping all waste that is not resolved saves a month."""
        return _sum(one for one in self.findings if one.category == "waste" and one.status != "resolved")

    @property
    def unowned(self) -> tuple[Finding, ...]:
        """The findings without an owner that are not resolved. Their amounts mean different things: no sum is made."""
        return tuple(one for one in self.findings if one.owned_by == "fallback" and one.status != "resolved")

    @property
    def unowned_waste(self) -> Decimal:
        """The part of `monthly_waste` that has no owner."""
        return _sum(one for one in self.unowned if one.category == "waste")


def _sum(findings: Iterable[Finding]) -> Decimal:
    return sum((finding.monthly_cost for finding in findings), Decimal(0))


def scan(
    engine: Engine,
    *,
    as_of: date,
    currency: str,
    catalog: Catalog,
    detections: Sequence[Detection],
    owners: Owners,
    ledger: Ledger,
    say: Callable[[str], None],
    answers: Answers | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
    trail: Trail | None = None,
    rate: Rate | None = None,
) -> Scanned:
    """Ask `detections` over the tables of `engine` and record what follows. A detection that fails stops no other.

    `answers` spares those that were asked before over the same data. None is begun once `may_go_on` says no; those
    that are left count as not looked at. `trail` knows who changed what on the day of a rise.
    `rate` converts thresholds in USD; without one it is that of owners.toml, or of the shipped table.
    """
    started = time.monotonic()
    rate = rate or rate_of(currency, rates=owners.exchange_rates)
    looked_until = ledger.looked_until()

    def asked(detection: Detection) -> Outcome | None:
        if not may_go_on():
            return None
        say(f"Asking {detection.id}")
        question = Question(
            as_of=as_of,
            news_since=news_since(as_of, looked_until=looked_until.get(detection.id)),
            required_tags=tuple(owners.routing.required_tags),
            per_usd=float(rate.per_usd),
        )
        known = answers.known(detection, question.values) if answers else None
        outcome = known or ask(detection, engine=engine, catalog=catalog, question=question)
        if answers:
            answers.keep(outcome, question.values)
        return outcome

    with ThreadPoolExecutor(max_workers=engine.at_once) as pool:
        answered = list(pool.map(asked, detections))
    outcomes = [outcome for outcome in answered if outcome]
    if answers:
        answers.store()
    say("Finding owners")
    reach = coverage(engine, as_of=as_of)
    found = _owned_findings(
        outcomes, engine=engine, as_of=as_of, rate=rate, owners=owners, billed_until=reach.billed_until
    )
    run = Run(
        as_of=as_of,
        findings={finding.fingerprint: finding for finding in found},
        ran={outcome.detection.id for outcome in outcomes if not outcome.error},
        told_once={detection.id for detection in detections if detection.header.told == "once"},
        told_each_time={detection.id for detection in detections if detection.header.told == "each_time"},
        steps={one.id: one.header.pace.steps for one in detections if one.header.pace},
        not_looked_at={fingerprint(one.detection.id, row) for one in outcomes for row in one.not_looked_at},
        silent_accounts=reach.silent_accounts,
        resolves=not reach.doubts,
        per_usd=rate.per_usd,
    )
    run = explained(run, engine=engine, catalog=catalog, ledger=ledger, say=say, trail=trail)
    decision = ledger.update(
        lambda entries, silences: decide(entries, silences, run),
        looked=[Looked(id, as_of) for id in sorted(run.ran)],
    )
    verify_saved(engine, ledger=ledger, catalog=catalog, as_of=as_of)
    findings, silenced = _current(
        ledger, as_of=as_of, told={news.finding.fingerprint for news in decision.news}
    )
    return Scanned(
        as_of=as_of,
        currency=currency,
        findings=findings,
        news=decision.news,
        outcomes=tuple(outcomes),
        coverage=reach,
        silenced=silenced,
        notes=(
            *_notes(engine, catalog=catalog, owners=owners, as_of=as_of, rate=rate),
            *([rate.note] if rate.note else []),
        ),
        seconds=time.monotonic() - started,
        left=tuple(one.id for one, outcome in zip(detections, answered, strict=True) if outcome is None),
    )


def _notes(engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, rate: Rate) -> tuple[str, ...]:
    """What planned launches keep quiet; the findings are recorded by now, and an error must not lose them."""
    try:
        found = launched(engine, catalog=catalog, owners=owners, as_of=as_of, per_usd=float(rate.per_usd))
    except QueryError as error:
        return (f"What planned launches keep quiet could not be asked: {error}",)
    return tuple(one.told(rate.currency) for one in found)


def _owned_findings(
    outcomes: Iterable[Outcome],
    *,
    engine: Engine,
    as_of: date,
    rate: Rate,
    owners: Owners,
    billed_until: Mapping[str | None, date],
) -> list[Finding]:
    rows = [(outcome.detection, row) for outcome in outcomes for row in outcome.rows]
    accounts = _accounts(engine, {row["sub_account_id"] for _, row in rows if row["sub_account_id"]})
    names = {id: account["name"] for id, account in accounts.items() if account["name"]}
    findings = []
    for detection, row in rows:
        account = accounts.get(row["sub_account_id"], {})
        team, owned_by = owners.owner(
            tags=row.get("tags"),
            account_id=row["sub_account_id"],
            account_tags=account.get("tags"),
            ou_path=account.get("ou_path"),
        )
        if row.get("team") in owners.teams:  # a plan's own row names whose it is
            team, owned_by = row["team"], "plan"
        finding = to_finding(
            row,
            detection=detection,
            as_of=as_of,
            currency=rate.currency,
            per_usd=rate.per_usd,
            account_names=names,
            billed_until=billed_until.get(row["sub_account_id"]),
        )
        findings.append(finding.model_copy(update={"team": team, "owned_by": owned_by}))
    return findings


def _accounts(engine: Engine, ids: set[str]) -> dict[str, Row]:
    if not ids:
        return {}
    listed = ", ".join("'" + id.replace("'", "''") + "'" for id in sorted(ids))
    rows = engine.query(ACCOUNTS.format(account_ids=listed), label="accounts of findings")
    return {row["sub_account_id"]: row for row in rows}


def _current(ledger: Ledger, *, as_of: date, told: set[str]) -> tuple[tuple[Finding, ...], int]:
    """What is open or was just resolved, and how many more are silenced; what was not told now is just open."""
    silences = [silence for silence in ledger.silences() if silence.holds_on(as_of)]
    shown, silenced = [], 0
    for entry in ledger.entries().values():
        if entry.state == "closed" or (entry.state == "resolved" and entry.fingerprint not in told):
            continue
        if any(silence.covers(entry.finding) for silence in silences):
            silenced += 1
        elif entry.fingerprint in told:
            shown.append(entry.finding)
        else:
            shown.append(entry.finding.model_copy(update={"status": "open"}))
    return tuple(sorted(shown, key=lambda one: (-one.stake, one.detection, one.fingerprint))), silenced
