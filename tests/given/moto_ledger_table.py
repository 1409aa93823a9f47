"""Create a ledger's table in moto, inside its mock_aws."""

import functools
import os
from typing import Any

import boto3


def ledger_table(name="ledger"):
    """Create an empty table with the keys and the index of the deployed table."""
    environment = (os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_ACCESS_KEY_ID"))
    return _dynamodb(*environment).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "kind", "KeyType": "HASH"},
            {"AttributeName": "id", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in ("kind", "id", "pending")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "pending",
                "KeySchema": [
                    {"AttributeName": "pending", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


@functools.cache
def _dynamodb(_endpoint: str | None, _key: str | None) -> Any:
    """Return DynamoDB's resource, cached per environment: creating it takes longer than most tests that use it."""
    return boto3.resource("dynamodb", region_name="us-east-1")
