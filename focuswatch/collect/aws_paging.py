"""Read all pages of an AWS list operation."""

from collections.abc import Callable, Iterator
from typing import Any


def paged(call: Callable[..., Any], key: str, *, token: str = "nextToken", **arguments: Any) -> Iterator[Any]:
    """Yield the items under `key` of every page; `token` is the name of the service's pagination token.

    An empty page can be followed by another page, so only a missing token ends the list:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    while True:
        page = call(**arguments)
        yield from page.get(key) or ()
        if not page.get(token):
            return
        arguments[token] = page[token]
