"""Index suppressions by scope, so that a finding is compared with a few of them instead of all."""

from collections.abc import Iterable, Iterator
from datetime import date

from focuswatch.ledger.suppression import Suppressible, Suppression

Key = tuple[str, ...]


class SuppressionIndex:
    """Suppressions by fingerprint, resource, account, team and tag."""

    def __init__(self, suppressions: Iterable[Suppression]) -> None:
        self._by_key: dict[Key, list[Suppression]] = {}
        for suppression in suppressions:
            self._by_key.setdefault(_key_of(suppression), []).append(suppression)

    def covering(self, finding: Suppressible) -> Iterator[Suppression]:
        """Yield the suppressions that cover a finding, including expired ones."""
        if not self._by_key:
            return
        for key in _keys_of(finding):
            for suppression in self._by_key.get(key, ()):
                if suppression.covers(finding):
                    yield suppression

    def active(self, finding: Suppressible, *, on: date) -> Iterator[Suppression]:
        """Yield the suppressions that cover a finding and are active on a day."""
        return (suppression for suppression in self.covering(finding) if suppression.is_active_on(on))

    def suppresses(self, finding: Suppressible, *, on: date) -> bool:
        """Return whether a suppression that is active on a day covers a finding."""
        return next(self.active(finding, on=on), None) is not None


def _key_of(suppression: Suppression) -> Key:
    if suppression.scope == "tag":
        key, _, value = suppression.value.partition("=")
        return "tag", key, value
    return suppression.scope, suppression.value


def _keys_of(finding: Suppressible) -> Iterator[Key]:
    yield "fingerprint", finding.fingerprint
    if finding.resource_id is not None:
        yield "resource", finding.resource_id
    if finding.sub_account_id is not None:
        yield "account", finding.sub_account_id
    if finding.team is not None:
        yield "team", finding.team
    for key, value in finding.tags.items():
        if value is not None:
            yield "tag", key, value
