"""List the first of many texts and count the others, for sentences that cannot list all."""

from collections.abc import Sequence


def first_and_more(texts: Sequence[str], *, most: int) -> str:
    """Return `a, b and 3 more`: the first `most` texts and the number of others; all texts if there are no others."""
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")
