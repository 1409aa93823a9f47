"""The table in memory behaves like that of moto for all requests of the delivery."""

import random

import pytest
from moto import mock_aws

from benchmarks.delivery_faults import CHANNELS, Reordered
from tests.fakes.delivery_world import counted, story, world
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.given.moto_ledger_table import ledger_table

KEY = {"kind": "k", "id": "1"}
NAMES = {"#a": "a", "#list": "list", "#n": "n"}
CONDITIONS = (
    "attribute_not_exists(#a)", "attribute_not_exists(#a) OR #a < :two", "#a = :two",
    "#a = :two AND size(#list) > :none", "size(#list) = :none", "#n < :two", "#n > :two",
)  # fmt: skip
CHANGES = (
    "SET #a = :two", "SET #n = if_not_exists(#n, :two), #a = :one", "REMOVE #a", "REMOVE #a, #n",
    "SET #list = list_append(if_not_exists(#list, :empty), :more)", "ADD #n :one",
    "REMOVE #list[0] SET #a = #a + :one", "SET #a = :one REMOVE #n",
)  # fmt: skip
VALUES = {":one": 1, ":two": 2, ":none": 0, ":empty": [], ":more": ["x", "y"]}


def done(table, change, condition):
    """Return whether the write was refused, and the item."""
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
    """Any condition and any change that focuswatch writes, one after the other."""
    rng = random.Random(seed)
    with mock_aws():
        moto, ours = ledger_table(), MemoryTable()
        for table in (moto, ours):
            table.put_item(
                Item={**KEY, "a": 2, "list": ["z"]}
            )  # moto stumbles over the size of what is not there
        for _ in range(40):
            change, condition = rng.choice(CHANGES), rng.choice(CONDITIONS)
            if (
                "[0]" in change or "+ :one" in change
            ):  # asked only where there is something, as focuswatch does
                condition = "#a = :two AND size(#list) > :none"
            assert done(ours, change, condition) == done(moto, change, condition), (change, condition)


def test_memory_table_refuses_unsupported_expressions():
    """Rather than guess."""
    with pytest.raises(ValueError, match="not understood"):
        done(MemoryTable(), "SET #a = :one", "#a = :two; x")


@pytest.mark.parametrize("channel", CHANNELS)
def test_ledger_on_the_memory_table_equals_moto(channel):
    """The same rows at the end, and the same count."""
    ends = []
    for quick in (True, False):
        with world(channel, seed=5, quick=quick) as there:
            there.live(story(30), Reordered())
            rows = {(kind, row["id"]) for kind in kinds(there) for row in rows_of(there.table.real, kind)}
            ends.append((counted(there), rows))
    assert ends[0] == ends[1]
    assert ends[0][0].published > 60


def kinds(there):
    digests = {f"digest {channel} 2026-03-31 {team}" for channel in there.slack.server.workspace.channels
               for team in ("search", "fraud", "mobile")}  # fmt: skip
    return {"entry", "told in slack", "told in jira", "told in slack digests", "slack channel", *digests}


def rows_of(table, kind):
    return table.query(
        KeyConditionExpression="#kind = :kind", ExpressionAttributeNames={"#kind": "kind"},
        ExpressionAttributeValues={":kind": kind},
    )["Items"]  # fmt: skip
