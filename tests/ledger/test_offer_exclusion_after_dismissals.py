"""After three dismissed findings of a detection in an account or team, the next one there offers an exclusion."""

from datetime import timedelta

import pytest

from focuswatch.findings.detection_exclusion_offer import ExclusionOffer
from focuswatch.findings.detection_exclusion_offer_text import offer_command, offer_reason
from focuswatch.ledger import Dismissals, LedgerEntry, SqliteLedger, Suppression, SuppressionIndex, decide
from tests.given.one_line_findings import DAY, finding, run

NEXT_DAY = DAY + timedelta(days=1)
ACCOUNT = "111122223333"
OFFER = ExclusionOffer(scope="account", value=ACCOUNT, dismissed=3)


def dismissed(one, *, since=DAY, until=None, source=None):
    """The suppression that a button, a command or a closed issue adds."""
    return Suppression(
        scope="fingerprint", value=one.fingerprint, author="ana", reason="r", since=since, until=until, source=source
    )  # fmt: skip


def offered(*findings, to, rules=None, state="open"):
    """The exclusion that is offered with a finding after these were dismissed."""
    entries = {one.fingerprint: LedgerEntry(finding=one, state=state) for one in findings}
    rules = [dismissed(one) for one in findings] if rules is None else rules
    return Dismissals(entries, rules, as_of=NEXT_DAY).offer(to)


def some(number, **more):
    return [finding(f"endpoint {index}", **{"team": "search", **more}) for index in range(number)]


def test_fourth_finding_of_an_account_offers_an_exclusion(tmp_path):
    """Whichever way three were dismissed: snoozed, excluded or closed; the notification alone has the offer."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    first, second, third = some(3)
    ledger.update(lambda known, rules: decide(known, rules, run(first, second, third)), evaluated=())
    ledger.add_suppression(dismissed(first, until=DAY + timedelta(days=7)))
    ledger.add_suppression(dismissed(second, source="U0ANNA 12"))
    fourth = finding("endpoint 4", on=NEXT_DAY, team="search")

    def told():
        a_run = run(first, second, third, fourth, on=NEXT_DAY)
        return decide(ledger.entries(), ledger.suppressions(), a_run)

    assert [one.finding.exclusion_offer for one in told().notifications] == [None]
    ledger.add_suppression(dismissed(third, source="jira SRCH-1 7"))
    decision = told()
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
def test_dismissals_elsewhere_do_not_count(to):
    assert offered(*some(3), to=to) is None


def test_one_finding_dismissed_three_times_counts_once():
    """To exclude this finding is what helps."""
    (one,) = some(1)
    assert offered(one, to=finding("next"), rules=[dismissed(one)] * 3) is None


def test_old_dismissals_do_not_count():
    rules = [dismissed(one, since=DAY - timedelta(days=200)) for one in some(3)]
    assert offered(*some(3), to=finding("next", team="search"), rules=rules) is None


def test_issue_closed_because_its_finding_was_fixed_is_no_dismissal():
    """Closed and resolved is fixed; closed and still reported is dismissed."""
    rules = [dismissed(one, source=f"jira SRCH-{number} 1") for number, one in enumerate(some(3))]
    to = finding("next", team="search")
    assert offered(*some(3), to=to, rules=rules, state="resolved") is None
    assert offered(*some(3), to=to, rules=rules) == OFFER


def test_resource_that_was_excluded_counts():
    """An exclusion of a resource is a dismissal of its findings."""
    rules = [
        dismissed(one).model_copy(update={"scope": "resource", "value": one.resource_id}) for one in some(3)
    ]
    assert offered(*some(3), to=finding("next", team="search"), rules=rules) == OFFER


def test_team_that_owns_only_a_resource_is_offered_no_exclusion_of_the_account():
    """Other teams work in that account."""
    to = finding("next", team="search").model_copy(update={"owned_by": "resource tag"})
    assert offered(*some(3), to=to) == ExclusionOffer(scope="team", value="search", dismissed=3)
    without_team = [finding(f"endpoint {index}") for index in range(3)]
    assert offered(*without_team, to=to) is None


def test_security_finding_follows_the_rule_who_may_suppress_it():
    """Its owner by account is offered one; a team that only a resource's tag names is not."""
    events = some(3, category="security")
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
    """A team's name may hold anything."""
    offer = OFFER.model_copy(update={"scope": "team", "value": "a team; rm -rf"})
    assert offer_reason(finding(), OFFER) == (
        "3 findings of this detection in account 111122223333 were snoozed or marked as not waste. If the detection "
        "does not apply to this account, exclude the detection for the account."
    )
    assert offer_command(finding(), offer) == (
        "focuswatch exclude --detection idle_sagemaker_endpoint --team 'a team; rm -rf' --reason \"…\""
    )
