"""Offer to exclude a detection for an account or team after repeated dismissals of its findings. Pure.

A dismissal is a snooze or exclusion of one finding or resource, by a button, a closed issue or a command. An issue
that was closed because its finding was fixed is not a dismissal.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from focuswatch.findings.exclusion_offer_record import ExclusionOffer, OfferScope
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.suppression import Suppression
from focuswatch.ledger.suppression_index import SuppressionIndex

OFFERED_FROM = 3  # minimum number of dismissed findings in an account or team
COUNTED_DAYS = 180  # older dismissals do not count

Scope = tuple[str, OfferScope, str | None]  # a detection, and an account or team


class Dismissals:
    """The number of dismissed findings by detection and account, and by detection and team."""

    def __init__(
        self, entries: Mapping[str, LedgerEntry], suppressions: Iterable[Suppression], *, as_of: date
    ) -> None:
        since = as_of - timedelta(days=COUNTED_DAYS)
        index = SuppressionIndex(
            one for one in suppressions if one.scope in ("fingerprint", "resource") and one.since >= since
        )
        self._counts = Counter[Scope](
            scope
            for entry in entries.values()
            if any(_is_dismissal(one, entry) for one in index.covering(entry.finding))
            for scope in _scopes(entry.finding)
        )

    def offer(self, finding: Finding) -> ExclusionOffer | None:
        """Return the exclusion to offer with a notification of a finding: for its account, else for its team.

        None for a security finding that its team may not suppress. A team that owns only the resource, by its tag,
        is not offered an exclusion for the whole account.
        """
        if not finding.suppressible_by_team:
            return None
        scopes = {scope: (name, scope, value) for name, scope, value in _scopes(finding)}
        if finding.owned_by == "resource tag":
            scopes.pop("account", None)
        return next(
            (
                ExclusionOffer(scope=scope, value=str(key[2]), dismissed=self._counts[key])
                for scope, key in scopes.items()
                if self._counts[key] >= OFFERED_FROM
            ),
            None,
        )

    def with_offer(self, finding: Finding) -> Finding:
        """Return the finding with its offer, if it has one."""
        offer = self.offer(finding)
        return copy_with(finding, {"exclusion_offer": offer}) if offer else finding


def _scopes(finding: Finding) -> list[Scope]:
    account: Scope = (finding.detection, "account", finding.sub_account_id)
    team: Scope = (finding.detection, "team", finding.team)
    return [scope for scope in (account, team) if scope[2] is not None]


def _is_dismissal(suppression: Suppression, entry: LedgerEntry) -> bool:
    return not (suppression.is_closed_issue and entry.state == "resolved")
