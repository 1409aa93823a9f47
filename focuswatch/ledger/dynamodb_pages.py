"""Query a DynamoDB table page by page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


def pages(table: "Table", **query: Any) -> Iterator[Any]:
    """Yield every page of a query; a page holds at most 1 MB.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
    """
    while True:
        page = table.query(**query)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def of_kind(table: "Table", kind: str, **query: Any) -> Iterator[Any]:
    """Yield every item whose partition key `kind` has this value."""
    listed = pages(
        table,
        KeyConditionExpression="#kind = :kind",
        ExpressionAttributeNames={"#kind": "kind"},
        ExpressionAttributeValues={":kind": kind},
        **query,
    )
    for page in listed:
        yield from page["Items"]
