"""Record responses that people submit on the page of a signed link, and post in the channel who responded.

The author cannot be authenticated, because whoever has the link can use it. So the name is recorded as typed, and
everyone in the channel sees it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import DeliveryError
from focuswatch.findings.finding import Finding
from focuswatch.notify.record_response_once import PersonResponse, ResponseLedger
from focuswatch.notify.response_actions_and_labels import not_waste_label
from focuswatch.notify.teams.deliver import TeamsSender
from focuswatch.notify.teams.submitted_link_response_as_queue_message import LinkResponse
from focuswatch.owners.finding_addresses import addresses_of_kind
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class LinkRecorder:
    """Records responses; `clock` returns seconds since 1970."""

    responses: ResponseLedger
    sender: TeamsSender
    owners: Owners
    catalog: Catalog
    clock: Callable[[], float]

    def record(self, response: LinkResponse) -> str:
        """Record a response. Return what was done, for the log. Idempotent."""
        entry = self.responses.ledger.entries().get(response.fingerprint)
        if entry is None:
            return f"{response.fingerprint}: rejected, because focuswatch no longer stores the finding"
        if not self._may_respond(entry.finding, response):
            return f"{response.fingerprint}: rejected, because only the owner of the account can respond"
        today = datetime.fromtimestamp(self.clock(), UTC).date()
        person_response = _person_response(response)
        if not self.responses.record(person_response, today=today):
            return f"{response.fingerprint}: already recorded"
        done = _sentence(entry.finding, person_response, today=today)
        try:
            self.sender.send_note(done, address=response.address)
        except DeliveryError as error:  # the response stays recorded without the message
            return f"{response.fingerprint}: {done} This action could not be posted in the channel: {error}"
        return f"{response.fingerprint}: {done}"

    def _may_respond(self, finding: Finding, response: LinkResponse) -> bool:
        """Return whether the link's channel may respond; to security findings, only the account owner's channel may."""
        if finding.category != "security":
            return True
        addresses = addresses_of_kind("teams", finding, owners=self.owners, catalog=self.catalog)
        return finding.suppressible_by_team and response.address in addresses


def _person_response(response: LinkResponse) -> PersonResponse:
    return PersonResponse(
        id=f"teams {response.id}",
        fingerprint=response.fingerprint,
        action=response.action,
        author=response.author,
        reason=response.reason or f"{response.action} in Teams",
        document=response.to_json(),
    )


def _sentence(finding: Finding, person_response: PersonResponse, *, today: date) -> str:
    """Return the sentence for the channel: who did what."""
    match person_response.action:
        case "acknowledge":
            done = "acknowledged this finding"
        case "not_waste":
            done = f"marked this finding as {not_waste_label(finding).lower()}: {person_response.reason}"
        case _:
            done = f"snoozed this finding until {person_response.until(today)}"
    return f"{finding.title} ({finding.fingerprint}): {person_response.author} {done}."
