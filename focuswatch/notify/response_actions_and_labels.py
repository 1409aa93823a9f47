"""The actions with which people respond to a finding, and the labels of these actions in Slack and Teams.

The module imports little, because the function `answer` imports it at each cold start.
"""

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from focuswatch.findings.finding import Finding

MessageAction = Literal["acknowledge", "snooze_7", "snooze_30", "not_waste"]  # in each message to respond to
ExclusionAction = Literal["exclude_account", "exclude_team"]  # only in Slack, if an exclusion is suggested
ResponseAction = Literal[MessageAction, ExclusionAction]


def response_labels(finding: "Finding") -> dict[MessageAction, str]:
    """Return the labels of the buttons or links, in the order in which a message shows them."""
    return {
        "acknowledge": "Acknowledge",
        "snooze_7": "Snooze 7 days",
        "snooze_30": "Snooze 30 days",
        "not_waste": not_waste_label(finding),
    }


def not_waste_label(finding: "Finding") -> str:
    """Return the label: `Not waste` for a finding of category waste, `Expected` for any other."""
    return "Not waste" if finding.category == "waste" else "Expected"
