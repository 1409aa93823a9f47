"""Parse channel addresses in owners.toml: `#team`, `teams:NAME`, `pagerduty:NAME`, `mailto:…`, `https://…`.

`NAME` is a key in the channel's secret, so that owners.toml contains no URL or key with a token.
"""

import re
from dataclasses import dataclass
from typing import Literal, Self, get_args
from urllib.parse import SplitResult, urlsplit

ChannelKind = Literal["slack", "teams", "pagerduty", "email", "webhook"]
CHANNEL_KINDS: tuple[ChannelKind, ...] = get_args(ChannelKind)

SLACK = re.compile(r"#[^\s#,]{1,80}|[A-Za-z0-9][A-Za-z0-9._-]{0,79}")  # a channel name or id
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
NAMED: dict[str, ChannelKind] = {"teams": "teams", "pagerduty": "pagerduty"}
EXPECTED = (
    'expected "#channel", a Slack channel ID such as "C0123456789", "teams:NAME", "pagerduty:NAME", '
    '"mailto:ADDRESS" or "https://…"'
)
# Hosts whose URLs are secrets, with their channel and the address to use in owners.toml instead.
SECRET_HOSTS = {
    "hooks.slack.com": ("Slack", '"#channel"'),
    "webhook.office.com": ("Microsoft Teams", '"teams:NAME"'),
    "logic.azure.com": ("Microsoft Teams", '"teams:NAME"'),
    "powerplatform.com": ("Microsoft Teams", '"teams:NAME"'),
    "events.pagerduty.com": ("PagerDuty", '"pagerduty:NAME"'),
    "events.eu.pagerduty.com": ("PagerDuty", '"pagerduty:NAME"'),
}


@dataclass(frozen=True)
class ChannelAddress:
    """A channel. `name` is a Slack channel, a key in the secret of Teams or PagerDuty, a mail address, or a URL."""

    kind: ChannelKind
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an address in owners.toml. Raises ValueError with one sentence, which never contains a secret URL."""
        prefix, colon, rest = text.partition(":")
        if SLACK.fullmatch(text):
            return cls("slack", text)
        if colon and prefix in NAMED:
            if not KEY.fullmatch(rest):
                raise ValueError(
                    f"found {text!r}, expected {prefix}:NAME, where NAME is a key in the secret of the channel "
                    "(letters, digits, '.', '_' and '-')"
                )
            return cls(NAMED[prefix], rest)
        if colon and prefix == "mailto":
            if not EMAIL.fullmatch(rest):
                raise ValueError(f"found {text!r}, expected one address such as mailto:team@example.com")
            return cls("email", rest)
        if text.lower().startswith("https://"):
            return cls("webhook", _url(text))
        raise ValueError(f"found {text!r}, {EXPECTED}")

    def __str__(self) -> str:
        """Return the address in the format of owners.toml."""
        prefixes: dict[ChannelKind, str] = {"email": "mailto:", "teams": "teams:", "pagerduty": "pagerduty:"}
        return prefixes.get(self.kind, "") + self.name


def checked_address(text: str) -> str:
    """Return the address unchanged. Raises ValueError if it is invalid; see ChannelAddress.parse."""
    ChannelAddress.parse(text)
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ValueError('found an invalid URL, expected "https://host/path"') from None
    for known, (channel, form) in SECRET_HOSTS.items():
        if host == known or host.endswith(f".{known}"):
            raise ValueError(
                f"found a {channel} URL, which contains a secret; store the URL in the secret of the channel in "
                f"Secrets Manager and use {form}"
            )
    if not host or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError('found an invalid URL, expected "https://host/path"')
    if _may_hold_a_secret(parts):
        raise ValueError(
            f"found a URL of {host} with a user, a query or a fragment, which may contain a secret; "
            "use a URL with host and path only. focuswatch signs its requests"
        )
    return text


def _may_hold_a_secret(parts: SplitResult) -> bool:
    return bool(parts.username or parts.password or parts.query or parts.fragment)
