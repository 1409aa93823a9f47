"""Signed links of a message in Teams: each opens the page that asks before it records one action on one finding.

A webhook cannot receive a response, so the link is all that identifies the message; anyone who has it can use it. Light
to import: the function `answer` does at each cold start.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Self, get_args
from urllib.parse import urlencode

LinkAction = Literal["acknowledge", "snooze_7", "snooze_30", "not_waste"]
LINK_ACTIONS: tuple[LinkAction, ...] = get_args(LinkAction)
PATH = "/action"
LINK_DAYS = 15  # until after the reminder, which has new links
DAY_SECONDS = 86_400
ABOUT_CHARACTERS = 100


@dataclass(frozen=True)
class SignedAction:
    """One action on one finding, for the readers of `address`, until a time; `about` names the finding for them."""

    action: LinkAction
    finding: str
    address: str
    about: str
    until: int  # seconds since 1970
    muting: str  # the label of `not_waste`, as in the message

    def link(self, door: str, *, secret: str) -> str:
        """Return the link at the address of the function `answer`."""
        query = {**asdict(self), "sign": self._sign(secret)}
        return f"{door.rstrip('/')}{PATH}?{urlencode(query)}"

    @classmethod
    def opened(cls, query: Mapping[str, str], *, secret: str, now: float) -> Self | None:
        """Return the action of a link that was signed with `secret` and has not expired, else None."""
        try:
            action = cls(  # `action` is any text until it is compared with LINK_ACTIONS below
                **{name: query[name] for name in ("action", "finding", "address", "about", "muting")},  # type: ignore[arg-type]
                until=int(query["until"]),
            )
        except (KeyError, ValueError):
            return None
        signed = hmac.compare_digest(action._sign(secret).encode(), query.get("sign", "").encode())
        return action if signed and now < action.until and action.action in LINK_ACTIONS else None

    @property
    def id(self) -> str:
        """The identity of the link, by which a repeated request is recognized."""
        return hashlib.sha256(self._text().encode()).hexdigest()[:32]

    def _sign(self, secret: str) -> str:
        return hmac.new(secret.encode(), self._text().encode(), hashlib.sha256).hexdigest()

    def _text(self) -> str:
        """Return all fields in a form in which none can be mistaken for another."""
        return "focuswatch action " + json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class LinkResponse:
    """A response that someone sent from the page of a link; `name` is what they typed."""

    id: str
    action: LinkAction
    fingerprint: str
    address: str
    name: str
    reason: str | None = None

    @property
    def author(self) -> str:
        """The author as recorded: a link cannot prove who used it."""
        return f"{self.name} (via Teams link)"

    def to_json(self) -> str:
        """Return the response as the body of a queue message."""
        return json.dumps({"from": "teams", **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Read the body of a queue message; None if it comes from another channel. Raises ValueError, TypeError."""
        values = json.loads(text)
        return cls(**values) if values.pop("from", None) == "teams" else None
