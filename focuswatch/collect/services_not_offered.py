"""Remember which AWS services have no endpoint in a Region, so that a run does not call them for each account."""

import socket
from dataclasses import dataclass, field

from botocore.exceptions import EndpointConnectionError

# Error codes of a resolver for a host name that does not exist, or that has no address.
UNKNOWN_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


@dataclass
class ServicesNotOffered:
    """The services and Regions without an endpoint, found by the calls of a run.

    botocore's list of regions is not reliable for this: it lists no region for Neptune Analytics and every region for
    Amazon Q Business.
    """

    absent: set[tuple[str, str]] = field(default_factory=set)  # service, region

    def __contains__(self, place: tuple[str, str]) -> bool:
        return place in self.absent

    def remember(self, error: Exception, *, service: str, region: str) -> bool:
        """Return whether the error means that the region does not offer the service; if so, remember the service."""
        is_absent = _is_unknown_host(error)
        if is_absent:
            self.absent.add((service, region))
        return is_absent


def _is_unknown_host(error: Exception) -> bool:
    """Return whether DNS states that the endpoint does not exist.

    Other connection errors, such as a failure of DNS or of the network, do not show whether the service is offered.
    """
    cause: BaseException | None = error if isinstance(error, EndpointConnectionError) else None
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return cause.errno in UNKNOWN_HOST
        cause = cause.__cause__ or cause.__context__
    return False
