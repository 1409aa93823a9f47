"""The ledger's table in memory: as fast as a dict, for thousands of findings, where moto takes milliseconds a call.

It understands the expressions that focuswatch writes, and refuses any other. That it does what moto's table does is
tested in tests/fakes/test_dynamodb_in_memory.py.
"""

# ruff: noqa: N803  arguments have boto3's names

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

TOKEN = re.compile(r"\s*([#:]?[A-Za-z_]+|\[\d+\]|[(),<>=+])")
CLAUSES = ("SET", "REMOVE", "ADD")


class ConditionalCheckFailedException(ClientError):  # noqa: N818  boto3's name
    """As boto3 raises it."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "any")


class MemoryTable:
    """A table with the keys `kind` and `id`, and the index `pending`; one call after the other."""

    name = "ledger"

    def __init__(self) -> None:
        failed = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)
        self.meta = SimpleNamespace(client=SimpleNamespace(exceptions=failed))
        self.kinds: dict[str, dict[str, dict[str, Any]]] = {}

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool = False) -> dict[str, Any]:
        item = self._found(Key)
        return {"Item": dict(item)} if item else {}

    def put_item(self, *, Item: dict[str, Any], **asked: Any) -> dict[str, Any]:
        self._check(self._found(Item), asked)
        self.kinds.setdefault(Item["kind"], {})[Item["id"]] = dict(Item)
        return {}

    def delete_item(self, *, Key: dict[str, str], **asked: Any) -> dict[str, Any]:
        gone = self.kinds.get(Key["kind"], {}).pop(Key["id"], None)
        return {"Attributes": gone} if gone else {}

    def update_item(self, *, Key: dict[str, str], UpdateExpression: str, **asked: Any) -> dict[str, Any]:
        before = self._found(Key)
        self._check(before, asked)
        after = {**(before or Key)}
        _Parsed(UpdateExpression, before or {}, asked).change(after)
        self.kinds.setdefault(Key["kind"], {})[Key["id"]] = after
        returned = {"ALL_OLD": before, "UPDATED_NEW": after}.get(asked.get("ReturnValues", ""))
        return {"Attributes": dict(returned)} if returned else {}

    def query(self, *, KeyConditionExpression: str, **asked: Any) -> dict[str, Any]:
        name, _, value = KeyConditionExpression.partition(" = ")
        column = asked["ExpressionAttributeNames"][name]
        wanted = asked["ExpressionAttributeValues"][value]
        items = list(self._with(column, wanted))
        return {"Items": [dict(items[place]) for place in range(len(items))], "Count": len(items)}

    def _with(self, column: str, wanted: str) -> Iterator[dict[str, Any]]:
        if column == "kind":
            yield from (one for _, one in sorted(self.kinds.get(wanted, {}).items()))
            return
        for items in self.kinds.values():
            yield from (one for _, one in sorted(items.items()) if one.get(column) == wanted)

    def _found(self, key: dict[str, Any]) -> dict[str, Any] | None:
        return self.kinds.get(key["kind"], {}).get(key["id"])

    def _check(self, item: dict[str, Any] | None, asked: dict[str, Any]) -> None:
        condition = asked.get("ConditionExpression")
        if condition and not _Parsed(condition, item or {}, asked).holds():
            raise ConditionalCheckFailedException


class _Parsed:
    """An expression over an item, read from left to right."""

    def __init__(self, text: str, item: dict[str, Any], asked: dict[str, Any]) -> None:
        self.left = TOKEN.findall(text)
        if "".join(self.left) != re.sub(r"\s", "", text):
            raise ValueError(f"not understood: {text}")
        self.item = item
        self.names = asked.get("ExpressionAttributeNames", {})
        self.values = asked.get("ExpressionAttributeValues", {})

    def holds(self) -> bool:
        """Comparisons, all joined by AND or all by OR."""
        held = self._comparison()
        while self.left:
            join, more = self._next(), self._comparison()
            held = {"AND": held and more, "OR": held or more}[join]
        return held

    def change(self, item: dict[str, Any]) -> None:
        """Do the clauses; what they read is as it was before."""
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
