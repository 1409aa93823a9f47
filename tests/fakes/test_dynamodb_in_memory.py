"""The in-memory table behaves like moto's for the requests that focuswatch sends."""

import random
import re
from types import SimpleNamespace

import pytest
from moto import mock_aws

from benchmarks.delivery_faults import CHANNELS, Reordered
from focuswatch.ledger import dynamodb_ledger
from tests.fakes.delivery_world import counted, story, world
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.given.moto_ledger_table import ledger_table

LOCAL_PORT = re.compile(r"(https?://[\w.]+):\d+")
KEY = {"kind": "k", "id": "1"}
NAMES = {"#a": "a", "#list": "list", "#n": "n"}
CONDITIONS = (
    "attribute_not_exists(#a)",
    "attribute_not_exists(#a) OR #a < :two",
    "#a = :two",
    "#a = :two AND size(#list) > :none",
    "size(#list) = :none",
    "#n < :two",
    "#n > :two",
)
CHANGES = (
    "SET #a = :two",
    "SET #n = if_not_exists(#n, :two), #a = :one",
    "REMOVE #a",
    "REMOVE #a, #n",
    "SET #list = list_append(if_not_exists(#list, :empty), :more)",
    "ADD #n :one",
    "REMOVE #list[0] SET #a = #a + :one",
    "SET #a = :one REMOVE #n",
)
VALUES = {":one": 1, ":two": 2, ":none": 0, ":empty": [], ":more": ["x", "y"]}


def update(table, change, condition):
    """Update the item; return its old attributes or "refused", and the item afterwards."""
    text = f"{change} {condition}"
    arguments = {
        "ExpressionAttributeNames": {key: value for key, value in NAMES.items() if key in text},
        "ExpressionAttributeValues": {key: value for key, value in VALUES.items() if key in text},
        "ConditionExpression": condition,
    }
    if not arguments["ExpressionAttributeValues"]:
        del arguments["ExpressionAttributeValues"]
    try:
        response = table.update_item(Key=KEY, UpdateExpression=change, ReturnValues="ALL_OLD", **arguments)
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        response = "refused"
    else:
        response = response.get("Attributes")
    return response, table.get_item(Key=KEY).get("Item")


@pytest.mark.parametrize("seed", range(12))
def test_memory_table_behaves_like_moto(seed):
    """Random sequences of the changes and conditions that focuswatch uses have the same results on both tables."""
    rng = random.Random(seed)
    with mock_aws():
        moto_table, memory_table = ledger_table(), MemoryTable()
        for table in (moto_table, memory_table):
            # moto fails to evaluate the size of a missing attribute.
            table.put_item(Item={**KEY, "a": 2, "list": ["z"]})
        for _ in range(40):
            change, condition = rng.choice(CHANGES), rng.choice(CONDITIONS)
            # These changes need existing attributes; focuswatch also uses them only with such a condition.
            if "[0]" in change or "+ :one" in change:
                condition = "#a = :two AND size(#list) > :none"
            outcomes = [update(table, change, condition) for table in (memory_table, moto_table)]
            assert outcomes[0] == outcomes[1], (change, condition)


def test_memory_table_refuses_unsupported_expressions():
    """An expression that is only partly parsed must not pass for one that holds."""
    with pytest.raises(ValueError, match="not understood"):
        update(MemoryTable(), "SET #a = :one", "#a = :two; x")


@pytest.mark.parametrize("channel", CHANNELS)
def test_ledger_on_the_memory_table_equals_moto(channel, monkeypatch):
    """A delivery with faults ends with the same items of every kind and the same counts on both tables."""
    # The first notification of a finding has the time as its number.
    monkeypatch.setattr(dynamodb_ledger, "time", SimpleNamespace(time=lambda: 1_780_000_000.0))
    with world(channel, seed=5) as simulation:
        simulation.live(story(16), Reordered())
        in_memory = by_key(simulation.table.real.items())
        count = counted(simulation)
    with world(channel, seed=5, on_moto=True) as simulation:
        simulation.live(story(16), Reordered())
        assert items_in_moto(simulation.table.real) == in_memory
        assert counted(simulation) == count
    assert count.published > 30
    kinds = {kind for kind, _ in in_memory}
    assert "entry" in kinds
    # The channel `ocsf` stores no state, because writing the same file again changes nothing.
    assert channel == "ocsf" or f"told in {channel}" in kinds


def items_in_moto(table):
    """Return the items of a table in moto by their key."""
    pages = table.meta.client.get_paginator("scan").paginate(TableName=table.name)
    return by_key(item for page in pages for item in page["Items"])


def by_key(items):
    """Return the items by their key, without the ports of the local servers, which the system chooses."""
    return {
        (one["kind"], one["id"]): {
            name: LOCAL_PORT.sub(r"\1", value) if isinstance(value, str) else value
            for name, value in one.items()
        }
        for one in items
    }
