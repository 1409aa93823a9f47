"""The elements of Slack blocks, at any depth."""

from collections.abc import Iterator
from typing import Any


def elements(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object within the blocks of a payload."""
    if isinstance(value, dict):
        yield value
        yield from elements(list(value.values()))
    if isinstance(value, list):
        for one in value:
            yield from elements(one)
