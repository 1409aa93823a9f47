"""Tag keys in a bill: the prefixes that cost allocation adds to them, in Python and in SQL (`$tag_prefix`)."""

import re

# FOCUS 1.2 shows user tags without a prefix, CUR 2.0 with:
# https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-tags.html
TAG_PREFIX = re.compile(
    r"^(resourcetags/|accounttag/|costcategory/|userattribute/|iamprincipal/)?(user:|user_|aws:)?"
)


def plain_key(key: str) -> str:
    """Return a tag key as rules compare it: in lower case, without the prefixes of cost allocation."""
    return TAG_PREFIX.sub("", key.lower(), count=1)


def is_principal_key(key: str) -> bool:
    """Return whether a key is a tag of the caller of an AI model, and not of the resource."""
    return key.lower().startswith("iamprincipal/")
