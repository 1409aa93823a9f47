"""The index returns the same suppressions as a loop over all of them."""

from datetime import timedelta
from itertools import product

import pytest

from focuswatch.ledger import Suppression, SuppressionIndex
from tests.given.one_line_findings import DAY, finding

FINDING = finding("r1", account="111122223333", tags={"team": "search", "env": "a=b", "empty": None})
OTHER = finding("r2", account="999999999999")
SECURITY = finding("r3", account="111122223333", category="security", tags={"team": "search"})
BARE = finding("r4").model_copy(update={"resource_id": None, "sub_account_id": None, "evidence": {}})
SCOPES = {
    "fingerprint": [FINDING.fingerprint, "0" * 20],
    "resource": ["r1", "r2", "None"],
    "account": ["111122223333", "1", "None"],
    "tag": ["team=search", "team=", "team", "env=a=b", "empty=None", "empty="],
}
ALL = [
    Suppression(
        scope=scope, value=value, detection=detection, security=security, author="ana", reason="test", since=DAY
    )
    for scope, values in SCOPES.items()
    for value, detection, security in product(values, (None, FINDING.detection, "other"), (False, True))
]  # fmt: skip


@pytest.mark.parametrize("one", [FINDING, OTHER, SECURITY, BARE])
def test_index_returns_the_suppressions_of_a_full_scan(one):
    """For every scope, and for values that look similar."""
    expected = [suppression for suppression in ALL if suppression.covers(one)]
    result = list(SuppressionIndex(ALL).covering(one))
    assert sorted(result, key=repr) == sorted(expected, key=repr)


def test_finding_is_compared_only_with_suppressions_of_its_values(monkeypatch):
    """A thousand exclusions of other resources are not compared."""
    calls = []
    covers = Suppression.covers
    monkeypatch.setattr(Suppression, "covers", lambda self, one: calls.append(self) or covers(self, one))
    others = [ALL[0].model_copy(update={"scope": "resource", "value": f"other-{n}"}) for n in range(1000)]
    mine = ALL[0].model_copy(update={"scope": "resource", "value": "r1"})
    index = SuppressionIndex([*others, mine])
    assert index.suppresses(FINDING, on=DAY)
    assert calls == [mine]


def test_expired_suppression_covers_and_does_not_suppress():
    """A reminder is sent when a suppression has expired, so the index must still return it."""
    expired = ALL[0].model_copy(update={"scope": "resource", "value": "r1", "until": DAY})
    index = SuppressionIndex([expired])
    assert list(index.covering(FINDING)) == [expired]
    assert not index.suppresses(FINDING, on=DAY)
    assert index.suppresses(FINDING, on=DAY - timedelta(days=1))
