"""The response that someone submitted on the page of a signed link, as a message in a queue."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from focuswatch.notify.response_actions_and_labels import MessageAction


@dataclass(frozen=True)
class LinkResponse:
    """A response that someone submitted on the page of a link; `name` is as typed."""

    id: str
    action: MessageAction
    fingerprint: str
    address: str
    name: str
    reason: str | None = None

    @property
    def author(self) -> str:
        """The author to record, marked as unverified: a link does not prove who used it."""
        return f"{self.name} (via Teams link)"

    def to_json(self) -> str:
        """Return the response as the body of a queue message."""
        return json.dumps({"from": "teams", **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Parse the body of a queue message; None if it is from another channel. Raises ValueError, TypeError."""
        values = json.loads(text)
        return cls(**values) if values.pop("from", None) == "teams" else None
