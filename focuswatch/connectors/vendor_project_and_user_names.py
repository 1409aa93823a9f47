"""List the names of a vendor's projects, workspaces and users by ID, because costs and usage contain only IDs.

If the API key has no permission to list names, the FOCUS files contain IDs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from focuswatch.connectors.vendor_api import FORBIDDEN, UNAUTHORIZED, VendorApi
from focuswatch.errors import FetchError

MOST_LISTED = 100  # items per page of OpenAI and Anthropic


class Listed(BaseModel):
    """A project, workspace or user."""

    id: str
    name: str | None = None
    email: str | None = None


class ListPage(BaseModel):
    """A page of a list; the next page starts after the last ID."""

    data: list[Listed]
    has_more: bool


@dataclass(frozen=True)
class Names:
    """The items of one list by ID, and a note if the API key has no permission to read the list."""

    by_id: Mapping[str, Listed]
    notes: tuple[str, ...] = ()

    def name(self, id_: str | None) -> str | None:
        """Return the name of an ID; None if it is unknown."""
        item = self.by_id.get(id_ or "")
        return item.name if item else None

    def email(self, id_: str | None) -> str | None:
        """Return the email address of a user ID, or the ID if the address is unknown."""
        item = self.by_id.get(id_ or "")
        return item.email if item and item.email else id_


def list_names(
    api: VendorApi, path: str, *, after: str, parameters: Mapping[str, str] | None = None
) -> Names:
    """Return all items at `path`; `after` is the name of the parameter for the last ID of the previous page."""
    found: list[Listed] = []
    page: dict[str, str | int] = {**(parameters or {}), "limit": MOST_LISTED}
    while True:
        try:
            listed = api.get(path, page, shape=ListPage)
        except FetchError as error:
            if error.status not in (UNAUTHORIZED, FORBIDDEN):
                raise
            return Names(
                {},
                (
                    f"The API key does not have permission to read {path}, so the files contain IDs instead of "
                    "names.",
                ),
            )
        found += listed.data
        if not listed.has_more or not listed.data:
            return Names({item.id: item for item in found})
        page[after] = listed.data[-1].id
