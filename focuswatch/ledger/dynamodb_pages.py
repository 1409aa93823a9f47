"""A DynamoDB table read to its end, page by page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


def pages(table: "Table", **asked: Any) -> Iterator[Any]:
    """Every page of a query; a page holds at most 1 MB.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
    """
    while True:
        page = table.query(**asked)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def of_kind(table: "Table", kind: str, **asked: Any) -> Iterator[Any]:
    """Every item whose partition key `kind` is this."""
    found = pages(
        table,
        KeyConditionExpression="#kind = :kind",
        ExpressionAttributeNames={"#kind": "kind"},
        ExpressionAttributeValues={":kind": kind},
        **asked,
    )
    for page in found:
        yield from page["Items"]
