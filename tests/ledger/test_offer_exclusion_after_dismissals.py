"""After three dismissed findings of a detection in an account or team, the next finding offers an exclusion."""

from datetime import timedelta

import pytest

from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.exclusion_offer_text import offer_command, offer_reason
from focuswatch.ledger import Dismissals, LedgerEntry, SqliteLedger, Suppression, SuppressionIndex, decide
from tests.given.one_line_findings import DAY, finding, run

NEXT_DAY = DAY + timedelta(days=1)
ACCOUNT = "111122223333"
OFFER = ExclusionOffer(scope="account", value=ACCOUNT, dismissed=3)


def dismissed(one, *, since=DAY, until=None, source=None):
    """Return the suppression that a button, a command or a closed issue adds."""
    return Suppression(
        scope="fingerprint",
        value=one.fingerprint,
        author="ana",
        reason="r",
        since=since,
        until=until,
        source=source,
    )


def offered(*findings, to, suppressions=None, state="open"):
    """Return the exclusion offered with the finding `to` after `findings` were dismissed."""
    entries = {one.fingerprint: LedgerEntry(finding=one, state=state) for one in findings}
    suppressions = [dismissed(one) for one in findings] if suppressions is None else suppressions
    return Dismissals(entries, suppressions, as_of=NEXT_DAY).offer(to)


def endpoint_findings(number, **more):
    return [finding(f"endpoint {index}", **{"team": "search", **more}) for index in range(number)]


def test_fourth_finding_of_an_account_offers_an_exclusion(tmp_path):
    """The three were snoozed, excluded, and closed in Jira. Only the notification has the offer, not the entry."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    first, second, third = endpoint_findings(3)
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(first, second, third)), evaluated=()
    )
    ledger.add_suppression(dismissed(first, until=DAY + timedelta(days=7)))
    ledger.add_suppression(dismissed(second, source="U0ANNA 12"))
    fourth = finding("endpoint 4", on=NEXT_DAY, team="search")

    def decide_with_fourth():
        a_run = run(first, second, third, fourth, on=NEXT_DAY)
        return decide(ledger.entries(), ledger.suppressions(), a_run)

    assert [one.finding.exclusion_offer for one in decide_with_fourth().notifications] == [None]
    ledger.add_suppression(dismissed(third, source="jira SRCH-1 7"))
    decision = decide_with_fourth()
    (notification,) = decision.notifications
    assert (notification.kind, notification.finding.exclusion_offer) == ("new", OFFER)
    assert [
        entry.finding.exclusion_offer for entry in decision.entries if entry.fingerprint == fourth.fingerprint
    ] == [None]


def test_findings_of_a_team_in_several_accounts_offer_an_exclusion_for_the_team():
    spread = [finding(account=account, team="search") for account in ("1", "2", "3")]
    expected = ExclusionOffer(scope="team", value="search", dismissed=3)
    assert offered(*spread, to=finding(account="4", team="search")) == expected
    assert offered(*spread, to=finding(account="4", team="fraud")) is None


@pytest.mark.parametrize(
    "to",
    [
        finding("next", account="999999999999", team="fraud"),
        finding("next", detection="gpu_burst", team="search"),
    ],
    ids=["another account and team", "another detection"],
)
def test_dismissals_of_other_accounts_or_detections_do_not_count(to):
    assert offered(*endpoint_findings(3), to=to) is None


def test_one_finding_dismissed_three_times_counts_once():
    """Excluding this one finding is enough."""
    (one,) = endpoint_findings(1)
    assert offered(one, to=finding("next"), suppressions=[dismissed(one)] * 3) is None


def test_old_dismissals_do_not_count():
    suppressions = [dismissed(one, since=DAY - timedelta(days=200)) for one in endpoint_findings(3)]
    assert (
        offered(*endpoint_findings(3), to=finding("next", team="search"), suppressions=suppressions) is None
    )


def test_issue_closed_after_a_fix_is_not_a_dismissal():
    """If the finding is resolved, it was fixed; if it is still reported, closing the issue dismissed it."""
    suppressions = [
        dismissed(one, source=f"jira SRCH-{number} 1") for number, one in enumerate(endpoint_findings(3))
    ]
    to = finding("next", team="search")
    assert offered(*endpoint_findings(3), to=to, suppressions=suppressions, state="resolved") is None
    assert offered(*endpoint_findings(3), to=to, suppressions=suppressions) == OFFER


def test_exclusion_of_a_resource_counts_as_a_dismissal():
    """It mutes the resource's findings like a dismissal of each."""
    suppressions = [
        dismissed(one).model_copy(update={"scope": "resource", "value": one.resource_id})
        for one in endpoint_findings(3)
    ]
    assert (
        offered(*endpoint_findings(3), to=finding("next", team="search"), suppressions=suppressions) == OFFER
    )


def test_team_that_owns_only_a_resource_is_offered_no_exclusion_of_the_account():
    """Other teams use the account as well."""
    to = finding("next", team="search").model_copy(update={"owned_by": "resource tag"})
    assert offered(*endpoint_findings(3), to=to) == ExclusionOffer(scope="team", value="search", dismissed=3)
    without_team = [finding(f"endpoint {index}") for index in range(3)]
    assert offered(*without_team, to=to) is None


def test_security_finding_offers_an_exclusion_only_to_those_who_may_suppress_it():
    """The owner of the account may suppress it; a team that owns it only by a resource tag may not."""
    events = endpoint_findings(3, category="security")
    to = finding("next", team="search", category="security")
    assert offered(*events, to=to) == OFFER
    assert offered(*events, to=to.model_copy(update={"owned_by": "resource tag"})) is None


def test_exclusion_for_a_team_covers_its_findings_and_no_security_finding_routed_by_tag():
    rule = Suppression(
        scope="team",
        value="search",
        detection="idle_sagemaker_endpoint",
        author="ana",
        reason="r",
        since=DAY,
    )
    index = SuppressionIndex([rule])
    own, tagged = finding(team="search"), finding(team="search", category="security")
    assert index.suppresses(own, on=NEXT_DAY)
    assert not index.suppresses(finding(team="fraud"), on=NEXT_DAY)
    assert not index.suppresses(finding(team="search", detection="gpu_burst"), on=NEXT_DAY)
    assert not index.suppresses(tagged.model_copy(update={"owned_by": "resource tag"}), on=NEXT_DAY)


def test_offer_states_its_reason_and_a_command_that_is_safe_to_paste():
    """A team's name can contain any characters."""
    offer = OFFER.model_copy(update={"scope": "team", "value": "a team; rm -rf"})
    assert offer_reason(finding(), OFFER) == (
        "3 findings of this detection in account 111122223333 were snoozed or marked as not waste. If the detection "
        "does not apply to this account, exclude the detection for the account."
    )
    assert offer_command(finding(), offer) == (
        "focuswatch exclude --detection idle_sagemaker_endpoint --team 'a team; rm -rf' --reason \"…\""
    )
