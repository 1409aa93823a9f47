"""An in-memory DynamoDB table for tests of delivery, because moto takes milliseconds per call.

It supports the expressions that focuswatch uses, and rejects any other. tests/fakes/test_dynamodb_in_memory.py checks
that it behaves as moto's table does.
"""

# ruff: noqa: N803  arguments have boto3's names

import re
from collections.abc import Iterator
from threading import Lock
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

TOKEN = re.compile(r"\s*([#:]?[A-Za-z_]+|\[\d+\]|[(),<>=+])")
CLAUSES = ("SET", "REMOVE", "ADD")


class ConditionalCheckFailedException(ClientError):  # noqa: N818  boto3's name
    """The exception that boto3 raises."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "any")


class MemoryTable:
    """A table with the keys `kind` and `id`, and the index `pending`."""

    name = "ledger"

    def __init__(self) -> None:
        failed = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)
        self.meta = SimpleNamespace(client=SimpleNamespace(exceptions=failed))
        self.kinds: dict[str, dict[str, dict[str, Any]]] = {}
        self.lock = Lock()

    def items(self) -> list[dict[str, Any]]:
        """Return all items."""
        with self.lock:
            return [dict(item) for items in self.kinds.values() for item in items.values()]

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool = False) -> dict[str, Any]:
        with self.lock:
            item = self._stored(Key)
            return {"Item": dict(item)} if item else {}

    def put_item(self, *, Item: dict[str, Any], **options: Any) -> dict[str, Any]:
        with self.lock:
            self._check(self._stored(Item), options)
            self.kinds.setdefault(Item["kind"], {})[Item["id"]] = dict(Item)
        return {}

    def delete_item(self, *, Key: dict[str, str], **options: Any) -> dict[str, Any]:
        with self.lock:
            deleted = self.kinds.get(Key["kind"], {}).pop(Key["id"], None)
        return {"Attributes": deleted} if deleted else {}

    def update_item(self, *, Key: dict[str, str], UpdateExpression: str, **options: Any) -> dict[str, Any]:
        with self.lock:
            before = self._stored(Key)
            self._check(before, options)
            after = {**(before or Key)}
            _Parsed(UpdateExpression, before or {}, options).change(after)
            self.kinds.setdefault(Key["kind"], {})[Key["id"]] = after
        returned = {"ALL_OLD": before, "UPDATED_NEW": after}.get(options.get("ReturnValues", ""))
        return {"Attributes": dict(returned)} if returned else {}

    def query(self, *, KeyConditionExpression: str, **options: Any) -> dict[str, Any]:
        name, _, value = KeyConditionExpression.partition(" = ")
        column = options["ExpressionAttributeNames"][name]
        wanted = options["ExpressionAttributeValues"][value]
        with self.lock:
            items = list(self._with(column, wanted))
        return {"Items": [dict(items[place]) for place in range(len(items))], "Count": len(items)}

    def _with(self, column: str, wanted: str) -> Iterator[dict[str, Any]]:
        if column == "kind":
            yield from (one for _, one in sorted(self.kinds.get(wanted, {}).items()))
            return
        for items in self.kinds.values():
            yield from (one for _, one in sorted(items.items()) if one.get(column) == wanted)

    def _stored(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return self.kinds.get(key["kind"], {}).get(key["id"])

    def _check(self, item: dict[str, Any] | None, options: dict[str, Any]) -> None:
        condition = options.get("ConditionExpression")
        if condition and not _Parsed(condition, item or {}, options).holds():
            raise ConditionalCheckFailedException


class _Parsed:
    """An expression on an item, parsed from left to right."""

    def __init__(self, text: str, item: dict[str, Any], options: dict[str, Any]) -> None:
        self.left = TOKEN.findall(text)
        if "".join(self.left) != re.sub(r"\s", "", text):
            raise ValueError(f"not understood: {text}")
        self.item = item
        self.names = options.get("ExpressionAttributeNames", {})
        self.values = options.get("ExpressionAttributeValues", {})

    def holds(self) -> bool:
        """Return whether the comparisons hold, which are all joined by AND or all by OR."""
        held = self._comparison()
        while self.left:
            join, more = self._next(), self._comparison()
            held = {"AND": held and more, "OR": held or more}[join]
        return held

    def change(self, item: dict[str, Any]) -> None:
        """Apply the clauses to `item`; their operands are the values before the update."""
        clause = ""
        while self.left:
            if self.left[0] in CLAUSES:
                clause = self._next()
            name = self._name()
            match clause:
                case "SET":
                    self._take("=")
                    item[name] = self._sum()
                case "ADD":
                    item[name] = self.item.get(name, 0) + self._value()
                case "REMOVE" if self.left[:1] == ["[0]"]:
                    self._next()
                    item[name] = item[name][1:]
                case "REMOVE":
                    item.pop(name, None)
            if self.left[:1] == [","]:
                self._next()

    def _comparison(self) -> bool:
        if self.left[0] == "attribute_not_exists":
            return self._argument() not in self.item
        if self.left[0] == "size":
            name = self._argument()
            value = len(self.item[name]) if name in self.item else None
        else:
            value = self.item.get(self._name())
        sign, other = self._next(), self._value()
        if value is None:
            return False
        return bool({"=": value == other, "<": value < other, ">": value > other}[sign])

    def _argument(self) -> str:
        self._next()
        self._take("(")
        name = self._name()
        self._take(")")
        return name

    def _sum(self) -> Any:
        value = self._value()
        while self.left[:1] == ["+"]:
            self._next()
            value += self._value()
        return value

    def _value(self) -> Any:
        token = self.left[0]
        if token in ("if_not_exists", "list_append"):
            self._next()
            self._take("(")
            if token == "if_not_exists":
                name = self._name()
                self._take(",")
                other = self._value()
                value = self.item.get(name, other)
            else:
                value = list(self._value())
                self._take(",")
                value += self._value()
            self._take(")")
            return value
        return self.values[self._next()] if token.startswith(":") else self.item[self._name()]

    def _name(self) -> str:
        token = self._next()
        return str(self.names[token]) if token.startswith("#") else token

    def _take(self, token: str) -> None:
        if self._next() != token:
            raise ValueError(f"expected {token} before {self.left}")

    def _next(self) -> str:
        return str(self.left.pop(0))
