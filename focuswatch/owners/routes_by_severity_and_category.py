"""Route findings to the channels of a team by severity and category."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated, get_args

from pydantic import AfterValidator, Field

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.finding import Finding
from focuswatch.findings.severity import SEVERITIES, Severity
from focuswatch.owners.channel_address import ChannelAddress, checked_address
from focuswatch.owners.section_base_class_and_shared_types import OwnersSection

Address = Annotated[str, AfterValidator(checked_address)]
CATEGORIES: tuple[Category, ...] = get_args(Category)


class ChannelRoute(OwnersSection):
    """A channel and the findings that it gets: of these categories (default: all), with at least this severity."""

    to: Address
    least_severity: Severity = "low"
    categories: list[Category] = Field(default=list(CATEGORIES), min_length=1)

    @property
    def address(self) -> ChannelAddress:
        """The parsed address."""
        return ChannelAddress.parse(self.to)

    def accepts(self, finding: Finding) -> bool:
        """Return whether the channel gets the finding; the highest severity of its incident counts."""
        is_severe = SEVERITIES.index(finding.incident_severity) >= SEVERITIES.index(self.least_severity)
        return is_severe and finding.category in self.categories


def route_mistakes(key: str, routes: Sequence[ChannelRoute]) -> Iterator[str]:
    """Yield the mistakes in a list of routes: categories without a channel, and categories with two Slack channels.

    A finding has a single message in Slack, so two Slack channels cannot get the same finding.
    """
    covered = {category for route in routes for category in route.categories}
    if missing := [category for category in CATEGORIES if category not in covered]:
        yield (
            f"{key}: no channel accepts findings of category {', '.join(missing)}. Add the missing categories to a "
            "channel, or add a channel without the key `categories`, which accepts all categories."
        )
    in_slack = [route for route in routes if route.address.kind == "slack"]
    for one, other in combinations(in_slack, 2):
        shared = [category for category in one.categories if category in other.categories]
        if shared and one.to != other.to:
            yield (
                f"{key}: the Slack channels {one.to} and {other.to} both accept findings of category "
                f"{', '.join(shared)}. Assign each category to only one Slack channel."
            )
