"""Search and graph services with a floor: OpenSearch, Kendra, Amazon Q Business, Neptune Analytics."""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources import Metric, Place, Resource, Watched, day_of, dimensions

COLLECTION_SEARCHES = Metric("AWS/AOSS", "SearchRequestRate")
DOMAIN_SEARCHES = Metric("AWS/ES", "SearchRate")
DOMAIN_WRITES = Metric("AWS/ES", "IndexingRate")
KENDRA_QUERIES = Metric("AWS/Kendra", "IndexQueryCount")
CHAT_MESSAGES = Metric("AWS/QBusiness", "ChatMessages")
GRAPH_REQUESTS = ("AWS/Neptune", "AWS/Neptune-Graph")  # no page says which of them it is
COLLECTIONS_A_CALL = 100  # https://docs.aws.amazon.com/opensearch-service/latest/ServerlessAPIReference/API_BatchGetCollection.html
LIVING = {"ACTIVE", "UPDATING", "SYSTEM_UPDATING"}
RUNNING = {
    "AVAILABLE",
    "UPDATING",
    "SNAPSHOTTING",
    "RESETTING",
    "IMPORTING",
}  # not STOPPED: that is billed apart


def collections(client: Any, place: Place) -> Iterator[Resource]:
    """OpenSearch Serverless collections.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/monitoring-cloudwatch.html
    """
    ids = [one["id"] for one in paged(client.list_collections, "collectionSummaries")]
    for start in range(0, len(ids), COLLECTIONS_A_CALL):
        told = client.batch_get_collection(ids=ids[start : start + COLLECTIONS_A_CALL])
        for one in told["collectionDetails"]:
            if one["status"] in LIVING:
                named = dimensions(ClientId=place.account, CollectionId=one["id"], CollectionName=one["name"])
                yield Resource(
                    arn=one["arn"],
                    created_on=day_of(one.get("createdDate")),
                    watched=(Watched(COLLECTION_SEARCHES, (named,)),),
                    marks=frozenset({("CollectionId", one["id"])}),
                )


def domains(client: Any, place: Place) -> Iterator[Resource]:
    """Managed OpenSearch domains; the oldest part of a domain's configuration says since when there is one.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-cloudwatchmetrics.html
    """
    for one in client.list_domain_names()["DomainNames"]:  # not paged: AWS gives all of them
        name = one["DomainName"]
        parts = client.describe_domain_config(DomainName=name)["DomainConfig"].values()
        statuses = [part["Status"] for part in parts if part.get("Status", {}).get("CreationDate")]
        if any(status.get("PendingDeletion") for status in statuses):
            continue
        named = (dimensions(ClientId=place.account, DomainName=name),)
        yield Resource(
            arn=place.arn("es", f"domain/{name}"),
            created_on=day_of(min((status["CreationDate"] for status in statuses), default=None)),
            watched=(Watched(DOMAIN_SEARCHES, named), Watched(DOMAIN_WRITES, named)),
            marks=frozenset({("DomainName", name)}),
        )


def kendra_indices(client: Any, place: Place) -> Iterator[Resource]:
    """Kendra indices: https://docs.aws.amazon.com/kendra/latest/dg/cloudwatch-metrics.html"""
    for one in paged(client.list_indices, "IndexConfigurationSummaryItems", token="NextToken"):
        if one["Status"] in LIVING:
            yield Resource(
                arn=place.arn("kendra", f"index/{one['Id']}"),
                created_on=day_of(one["CreatedAt"]),
                watched=(Watched(KENDRA_QUERIES, (dimensions(IndexId=one["Id"]),)),),
                marks=frozenset({("", one["Id"])}),
            )


def q_indices(client: Any, place: Place) -> Iterator[Resource]:
    """Indices of Amazon Q Business: the index is billed, its application is asked.

    https://docs.aws.amazon.com/amazonq/latest/qbusiness-ug/qbusiness-metrics-chat.html
    """
    for application in paged(client.list_applications, "applications"):
        application_id = application["applicationId"]
        asked = (Watched(CHAT_MESSAGES, (dimensions(ApplicationId=application_id),)),)
        for one in paged(client.list_indices, "indices", applicationId=application_id):
            if one["status"] in LIVING:
                yield Resource(
                    arn=place.arn("qbusiness", f"application/{application_id}/index/{one['indexId']}"),
                    created_on=day_of(one["createdAt"]),
                    watched=asked,
                    marks=frozenset({("ApplicationId", application_id)}),
                )


def graphs(client: Any, _place: Place) -> Iterator[Resource]:
    """Neptune Analytics graphs that run."""
    for one in paged(client.list_graphs, "graphs"):
        if one["status"] not in RUNNING:
            continue
        told = client.get_graph(graphIdentifier=one["id"])
        named = (dimensions(GraphIdentifier=one["id"]),)
        yield Resource(
            arn=one["arn"],
            created_on=day_of(told.get("createTime")),
            watched=tuple(
                Watched(Metric(space, "NumOpenCypherRequestsPerSec", documented=False), named)
                for space in GRAPH_REQUESTS
            ),
            marks=frozenset({("", one["id"]), ("", one["arn"])}),
        )
