"""Define the result of collecting one account: row counts, refusals, notes and events. All collectors add to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.collection_refusals import AWS_ERRORS, Refusal, reason_of
from focuswatch.collect.services_not_offered import ServicesNotOffered


@dataclass
class CollectedAccount:
    """The result of collecting one account."""

    account: str
    resources: int = 0
    rows: int = 0  # new or changed rows
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is not read although access was not refused
    events: list[CollectedEvent] = field(default_factory=list)

    def refuse(self, region: str, service: str, reason: str) -> None:
        """Record that a service of a region could not be read."""
        refusal = Refusal(self.account, region, service, reason)
        if refusal not in self.refusals:  # record the same reason once per service
            self.refusals.append(refusal)

    @contextmanager
    def recording_refusals(
        self, region: str, service: str, *, not_offered: ServicesNotOffered | None = None
    ) -> Iterator[None]:
        """Record an error of the calls to a service, so that it does not stop the other services and accounts.

        `not_offered` is None for a service that every region offers.
        """
        try:
            yield
        except AWS_ERRORS as error:
            if not_offered is None or not not_offered.remember(error, service=service, region=region):
                self.refuse(region, service, reason_of(error))
        except Exception as error:  # an unexpected response, or an operation that this boto3 version lacks
            self.refuse(region, service, f"unexpected {reason_of(error)}")
