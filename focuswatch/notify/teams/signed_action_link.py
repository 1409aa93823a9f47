"""Sign and verify the links in a Teams message: each opens a page where a person confirms one action on one finding.

A webhook cannot receive a response, so the link alone identifies the message, and anyone who has the link can use it.
The module imports little, because the function `answer` imports it at each cold start.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self, get_args
from urllib.parse import urlencode

from focuswatch.notify.response_actions_and_labels import MessageAction

LINK_ACTIONS: tuple[MessageAction, ...] = get_args(MessageAction)
PATH = "/action"
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class SignedAction:
    """One action on one finding, for readers of `address` until the time `until`; `about` describes the finding."""

    action: MessageAction
    finding: str
    address: str
    about: str
    until: int  # seconds since 1970
    muting: str  # label of `not_waste` in the message

    def link(self, endpoint_url: str, *, secret: str) -> str:
        """Return the link; `endpoint_url` is the base URL of the function `answer`."""
        query = {**asdict(self), "sign": self._sign(secret)}
        return f"{endpoint_url.rstrip('/')}{PATH}?{urlencode(query)}"

    @classmethod
    def verify(cls, query: Mapping[str, str], *, secret: str, now: float) -> Self | None:
        """Return the action of a link that was signed with `secret` and has not expired; otherwise None."""
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
        """The id of the link, which identifies a repeated request."""
        return hashlib.sha256(self._text().encode()).hexdigest()[:32]

    def _sign(self, secret: str) -> str:
        return hmac.new(secret.encode(), self._text().encode(), hashlib.sha256).hexdigest()

    def _text(self) -> str:
        """Return the text to sign: JSON, so that no two sets of fields have the same text."""
        return "focuswatch action " + json.dumps(asdict(self), sort_keys=True)
