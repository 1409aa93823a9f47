"""Strip the prefixes that cost allocation adds to tag keys in a bill, in Python and in SQL (`$tag_prefix`)."""

import re

# FOCUS 1.2 exports user tags without a prefix, CUR 2.0 with one:
# https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-tags.html
TAG_PREFIX = re.compile(
    r"^(resourcetags/|accounttag/|costcategory/|userattribute/|iamprincipal/)?(user:|user_|aws:)?"
)


def plain_key(key: str) -> str:
    """Return a tag key in the form that owner rules compare: in lower case, without prefixes."""
    return TAG_PREFIX.sub("", key.lower(), count=1)


def is_principal_key(key: str) -> bool:
    """Return whether the key is a tag of the IAM principal that called an AI model, not of a resource."""
    return key.lower().startswith("iamprincipal/")
