"""A claim is held for a block of code, and how the block ends decides how the claim is released."""

import pytest
from moto import mock_aws

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS, Claims
from focuswatch.notify.jira.issue_state_model import IssueState
from tests.given.moto_ledger_table import ledger_table

CREATED = IssueState(key="SRCH-1")


class Clock:
    """A clock that a test advances."""

    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def claims(clock):
    with mock_aws():
        yield Claims(ledger_table(), channel="jira", model=IssueState, clock=clock)


def test_claim_is_exclusive_while_it_is_held(claims):
    with claims.held("f"), pytest.raises(TryLater), claims.held("f"):
        pass


def test_block_that_creates_nothing_releases_the_claim(claims):
    with claims.held("f"):
        pass
    with claims.held("f") as claim:
        assert (claim.state, claim.unsure) == (None, False)


def test_settled_state_is_kept_and_the_claim_is_free(claims):
    with claims.held("f") as claim:
        claims.settle(claim, CREATED)
    with claims.held("f") as claim:
        assert (claim.state, claim.unsure) == (CREATED, False)


def test_claim_can_be_settled_through_other_claims_of_the_channel(clock):
    """A class may open the claims of its channel again for each use."""
    with mock_aws():
        table = ledger_table()
        first, second = (Claims(table, channel="jira", model=IssueState, clock=clock) for _ in range(2))
        with first.held("f") as claim:
            second.settle(claim, CREATED)
        assert first.state_of("f") == CREATED


@pytest.mark.parametrize("error", [TryLater("busy", seconds=9), Refused("no permission")])
def test_after_an_error_that_created_nothing_the_next_run_is_sure(claims, error):
    with pytest.raises(type(error)), claims.held("f"):
        raise error
    with claims.held("f") as claim:
        assert not claim.unsure


def test_after_an_unknown_outcome_the_next_run_waits_and_checks(claims, clock):
    with pytest.raises(Unsure), claims.held("f", retry_seconds=30):
        raise Unsure("no response")
    with pytest.raises(TryLater), claims.held("f"):
        pass
    clock.now += 31
    with claims.held("f") as claim:
        assert claim.unsure


def test_doubt_about_an_earlier_run_outlives_runs_that_create_nothing(claims, clock):
    with pytest.raises(Unsure), claims.held("f"):
        raise Unsure("no response")
    clock.now += 31
    with claims.held("f"):
        pass
    clock.now += 1
    with claims.held("f") as claim:
        assert claim.unsure


def test_after_an_unexpected_error_the_lease_expires_by_itself(claims, clock):
    with pytest.raises(ZeroDivisionError), claims.held("f"):
        raise ZeroDivisionError
    clock.now += LEASE_SECONDS - 1
    with pytest.raises(TryLater), claims.held("f"):
        pass
    clock.now += 2
    with claims.held("f") as claim:
        assert claim.unsure


def test_run_whose_lease_another_run_took_over_tries_later(claims, clock):
    """Its own error is not reported, because the other run does the work."""
    with pytest.raises(TryLater, match="another invocation"), claims.held("f") as claim:
        clock.now += LEASE_SECONDS + 1
        claims.claim("f")
        claims.keep(claim, CREATED)
    clock.now += LEASE_SECONDS + 1
    with pytest.raises(TryLater, match="another invocation"), claims.held("f"):
        clock.now += LEASE_SECONDS + 1
        claims.claim("f")
        raise Unsure("no response")
