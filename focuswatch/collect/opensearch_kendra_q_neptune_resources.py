"""List resources with a minimum charge in OpenSearch, Kendra, Amazon Q Business and Neptune Analytics."""

from collections.abc import Iterator
from typing import Any

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.resource_model_with_metrics_to_read import (
    Metric,
    Resource,
    Watched,
    day_of,
    dimensions,
)

COLLECTION_SEARCHES = Metric("AWS/AOSS", "SearchRequestRate")
DOMAIN_SEARCHES = Metric("AWS/ES", "SearchRate")
DOMAIN_WRITES = Metric("AWS/ES", "IndexingRate")
KENDRA_QUERIES = Metric("AWS/Kendra", "IndexQueryCount")
CHAT_MESSAGES = Metric("AWS/QBusiness", "ChatMessages")
GRAPH_REQUESTS = ("AWS/Neptune", "AWS/Neptune-Graph")  # AWS does not document which namespace
COLLECTIONS_A_CALL = 100  # https://docs.aws.amazon.com/opensearch-service/latest/ServerlessAPIReference/API_BatchGetCollection.html
LIVING = {"ACTIVE", "UPDATING", "SYSTEM_UPDATING"}
# Without STOPPED, which has a separate meter.
RUNNING = {"AVAILABLE", "UPDATING", "SNAPSHOTTING", "RESETTING", "IMPORTING"}


def collections(client: Any, place: Place) -> Iterator[Resource]:
    """Yield OpenSearch Serverless collections.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/monitoring-cloudwatch.html
    """
    ids = [summary["id"] for summary in paged(client.list_collections, "collectionSummaries")]
    for start in range(0, len(ids), COLLECTIONS_A_CALL):
        details = client.batch_get_collection(ids=ids[start : start + COLLECTIONS_A_CALL])
        for collection in details["collectionDetails"]:
            if collection["status"] in LIVING:
                named = dimensions(
                    ClientId=place.account, CollectionId=collection["id"], CollectionName=collection["name"]
                )
                yield Resource(
                    arn=collection["arn"],
                    created_on=day_of(collection.get("createdDate")),
                    watched=(Watched(COLLECTION_SEARCHES, (named,)),),
                    marks=frozenset({("CollectionId", collection["id"])}),
                )


def domains(client: Any, place: Place) -> Iterator[Resource]:
    """Yield OpenSearch domains; the creation date is that of the oldest part of the configuration.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-cloudwatchmetrics.html
    """
    for domain in client.list_domain_names()["DomainNames"]:  # not paginated: AWS returns all of them
        name = domain["DomainName"]
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
    """Yield Kendra indices: https://docs.aws.amazon.com/kendra/latest/dg/cloudwatch-metrics.html"""
    for index in paged(client.list_indices, "IndexConfigurationSummaryItems", token="NextToken"):
        if index["Status"] in LIVING:
            yield Resource(
                arn=place.arn("kendra", f"index/{index['Id']}"),
                created_on=day_of(index["CreatedAt"]),
                watched=(Watched(KENDRA_QUERIES, (dimensions(IndexId=index["Id"]),)),),
                marks=frozenset({("", index["Id"])}),
            )


def q_indices(client: Any, place: Place) -> Iterator[Resource]:
    """Yield Amazon Q Business indices: AWS bills the index, but the metrics are of its application.

    https://docs.aws.amazon.com/amazonq/latest/qbusiness-ug/qbusiness-metrics-chat.html
    """
    for application in paged(client.list_applications, "applications"):
        application_id = application["applicationId"]
        messages = (Watched(CHAT_MESSAGES, (dimensions(ApplicationId=application_id),)),)
        for index in paged(client.list_indices, "indices", applicationId=application_id):
            if index["status"] in LIVING:
                yield Resource(
                    arn=place.arn("qbusiness", f"application/{application_id}/index/{index['indexId']}"),
                    created_on=day_of(index["createdAt"]),
                    watched=messages,
                    marks=frozenset({("ApplicationId", application_id)}),
                )


def graphs(client: Any, _place: Place) -> Iterator[Resource]:
    """Yield running Neptune Analytics graphs."""
    for graph in paged(client.list_graphs, "graphs"):
        if graph["status"] not in RUNNING:
            continue
        details = client.get_graph(graphIdentifier=graph["id"])
        named = (dimensions(GraphIdentifier=graph["id"]),)
        yield Resource(
            arn=graph["arn"],
            created_on=day_of(details.get("createTime")),
            watched=tuple(
                Watched(Metric(space, "NumOpenCypherRequestsPerSec", documented=False), named)
                for space in GRAPH_REQUESTS
            ),
            marks=frozenset({("", graph["id"]), ("", graph["arn"])}),
        )
