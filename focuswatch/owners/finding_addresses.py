"""Determine the team and the channels to which a finding is sent. Pure."""

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.findings.finding import Finding
from focuswatch.owners.channel_address import ChannelAddress, ChannelKind
from focuswatch.owners.owners_file import Owners


def notified_team(finding: Finding, *, owners: Owners, catalog: Catalog) -> str | None:
    """Return the team to notify.

    None (FinOps) for a finding without an owner, a detection on trial, or a rollout in accounts of several teams.
    """
    detection = catalog.detections.get(finding.detection)
    on_trial = detection is not None and detection.header.status == "trial"
    return None if on_trial or finding.spans_teams or finding.team not in owners.teams else finding.team


def finding_addresses(finding: Finding, *, owners: Owners, catalog: Catalog) -> tuple[ChannelAddress, ...]:
    """Return the addresses of a finding, in the order of owners.toml; empty if no channel of the team accepts it.

    A channel can be listed twice, such as for security and for critical findings, but it gets a finding only once.
    """
    routes = owners.routes(notified_team(finding, owners=owners, catalog=catalog))
    return tuple(dict.fromkeys(route.address for route in routes if route.accepts(finding)))


def addresses_of_kind(
    kind: ChannelKind, finding: Finding, *, owners: Owners, catalog: Catalog
) -> tuple[str, ...]:
    """Return the names in a finding's addresses of one kind of channel; see `finding_addresses`."""
    addresses = finding_addresses(finding, owners=owners, catalog=catalog)
    return tuple(address.name for address in addresses if address.kind == kind)
