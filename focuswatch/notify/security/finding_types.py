"""The types of a security finding in the taxonomy of Security Hub, which OCSF records carry too.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-type-taxonomy.html
"""

from collections.abc import Sequence

from focuswatch.catalog.sql_catalog import Catalog

OTHERS = ("Unusual Behaviors",)  # detections that are not in the catalog


def finding_types(detection: str, *, catalog: Catalog) -> Sequence[str]:
    """Return the types of a detection's findings, from its header."""
    entry = catalog.detections.get(detection)
    return entry.header.security_types if entry else OTHERS
