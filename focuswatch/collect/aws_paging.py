"""Lists that AWS gives page by page."""

from collections.abc import Callable, Iterator
from typing import Any


def paged(call: Callable[..., Any], key: str, *, token: str = "nextToken", **asked: Any) -> Iterator[Any]:
    """The items under `key` of every page; `token` is how the service spells it, both ways.

    A page may be empty and still name a next one, so only the missing token ends the list:
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
    """
    while True:
        page = call(**asked)
        yield from page.get(key) or ()
        if not page.get(token):
            return
        asked[token] = page[token]
