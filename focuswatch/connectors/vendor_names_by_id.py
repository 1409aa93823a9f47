"""Names of projects, workspaces and users, which a vendor lists by ID. Without permission, the files contain IDs."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from focuswatch.connectors.vendor_api import FORBIDDEN, UNAUTHORIZED, VendorApi
from focuswatch.errors import FetchError

MOST_LISTED = 100  # of one page, at OpenAI and at Anthropic


class Listed(BaseModel):
    """A project, workspace or user."""

    id: str
    name: str | None = None
    email: str | None = None


class ListPage(BaseModel):
    """A page of a list; the next one starts after the last ID."""

    data: list[Listed]
    has_more: bool


@dataclass(frozen=True)
class Names:
    """Everything in one list by ID, and a note if the key may not read it."""

    by_id: Mapping[str, Listed]
    notes: tuple[str, ...] = ()

    def name(self, id_: str | None) -> str | None:
        """Return the name of an ID; None if it is unknown."""
        item = self.by_id.get(id_ or "")
        return item.name if item else None

    def email(self, id_: str | None) -> str | None:
        """Return the email of a user's ID, or the ID if it is unknown."""
        item = self.by_id.get(id_ or "")
        return item.email if item and item.email else id_


def list_names(
    api: VendorApi, path: str, *, after: str, parameters: Mapping[str, str] | None = None
) -> Names:
    """Return all items at `path`; `after` is the parameter that takes the last ID of a page."""
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
