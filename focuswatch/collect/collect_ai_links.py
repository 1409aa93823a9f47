"""Collect the links between the AI resources of one account and the resources they use; replace the stored links."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date
from typing import Any, Protocol

from focuswatch.collect import list_ai_resource_links
from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.list_ai_resource_links import Link, LinkLister
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import Session

LISTERS: tuple[tuple[str, str, LinkLister], ...] = (  # kind of resource, AWS service, lister
    ("knowledge base", "bedrock-agent", list_ai_resource_links.knowledge_base_links),
    ("agent", "bedrock-agent", list_ai_resource_links.agent_links),
    ("gateway", "bedrock-agentcore-control", list_ai_resource_links.gateway_links),
    ("endpoint", "sagemaker", list_ai_resource_links.endpoint_links),
)
# `from_type` of a row without a link, which states that all resources of kind `to_type` in the region were listed.
REGION = "region"
Row = dict[str, Any]


class LinkStore(Protocol):
    """Stores the links of each account."""

    def ai_links(self, account: str) -> list[Row]:
        """Return the stored rows; empty if there are none."""
        ...

    def write_ai_links(self, account: str, rows: list[Row]) -> None:
        """Replace the stored rows."""
        ...


def collect_links(
    collected: CollectedAccount,
    *,
    session: Session,
    regions: Iterable[str],
    today: date,
    store: LinkStore,
    not_offered: ServicesNotOffered,
) -> None:
    """Read the links of an account in every region and replace the stored links.

    Refusals are recorded in `collected`. If a kind of resource cannot be read today, its stored rows stay, with the day
    on which they were read. Errors of the store are raised.
    """
    rows: list[Row] = []
    refused: set[tuple[str, str]] = set()
    for region in regions:
        place = Place(collected.account, region)
        for kind, service, lister in LISTERS:
            if (service, region) in not_offered:
                continue
            links = _links(session, place, of=(service, lister), collected=collected, not_offered=not_offered)
            if links is None:
                refused.add((region, kind))
            else:
                rows += _rows(links, place, kind=kind, today=today)
    if refused:
        rows += [
            row for row in store.ai_links(collected.account) if (row["region_id"], _kind(row)) in refused
        ]
    store.write_ai_links(collected.account, rows)


def _links(
    session: Session,
    place: Place,
    *,
    of: tuple[str, LinkLister],
    collected: CollectedAccount,
    not_offered: ServicesNotOffered,
) -> list[Link] | None:
    """Return the links that a service lists, and the links to Aurora instances and storage; None on an error."""
    service, lister = of
    links: list[Link] | None = None
    with collected.recording_refusals(place.region, service, not_offered=not_offered):
        links = sorted(set(lister(session.client(service, region_name=place.region), place)))
    if not links or not any(link.to_type == "Aurora cluster" for link in links):
        return links
    with collected.recording_refusals(place.region, "rds", not_offered=not_offered):
        client = session.client("rds", region_name=place.region)
        return links + list(list_ai_resource_links.aurora_links(client, place, links))
    return None


def _rows(links: Iterable[Link], place: Place, *, kind: str, today: date) -> Iterator[Row]:
    here = {"sub_account_id": place.account, "region_id": place.region, "read_on": today}
    yield here | {"from_type": REGION, "from_arn": None, "to_type": kind, "to_arn": None}
    yield from (here | asdict(link) for link in links)


def _kind(row: Row) -> str:
    """Return the kind of resource whose listing returned the row, as in LISTERS."""
    from_type = str(row["to_type"] if row["from_type"] == REGION else row["from_type"])
    return list_ai_resource_links.KIND_BY_FROM_TYPE.get(from_type, from_type)
