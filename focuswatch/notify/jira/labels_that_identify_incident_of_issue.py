"""Define the labels by which focuswatch finds its issues and recognizes the incident of an issue.

The labels must not change, because existing issues have them.
"""

import re
from collections.abc import Iterable

COMMON_LABEL = "focuswatch"  # on every focuswatch issue, because JQL cannot search for the prefix of a label
DUPLICATE_LABEL = "focuswatch-double"
INCIDENT_PREFIX = "focuswatch-"
# An incident id is a fingerprint. Without this pattern, other labels with the prefix would count as incidents:
# DUPLICATE_LABEL, and labels of owners.toml such as `focuswatch-ml`.
INCIDENT_LABEL = re.compile(rf"{INCIDENT_PREFIX}([0-9a-f]{{20}})")


def label_of(incident_id: str) -> str:
    """Return the label that identifies the issue of an incident."""
    return INCIDENT_PREFIX + incident_id


def incident_of(labels: Iterable[str]) -> str | None:
    """Return the incident id that the labels of an issue contain; None if they contain none."""
    return next((match[1] for label in labels if (match := INCIDENT_LABEL.fullmatch(label))), None)
