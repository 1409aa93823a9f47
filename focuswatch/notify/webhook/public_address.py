"""Validate the URL of a webhook, and resolve its host to public IP addresses only.

Whoever edits owners.toml chooses the URL, and must not be able to reach the function's own endpoints, a metadata
service or a private network through it. The connection uses the address that was checked, so that a second DNS response
cannot replace it.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from focuswatch.errors import Refused, TryLater

DNS_RETRY_SECONDS = 60.0
# Prefixes that NAT64 translators map to IPv4: https://www.rfc-editor.org/rfc/rfc6052, https://www.rfc-editor.org/rfc/rfc8215
TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))


def split_webhook_url(url: str) -> SplitResult:
    """Return the parts of a URL. Raises Refused unless it is https:// in ASCII, with a host and without a user name."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and parts.hostname and parts.username is None and parts.port != 0
        usable = usable and url.isascii() and url.isprintable() and " " not in url
    except ValueError:  # a port that is not a number, or unbalanced brackets
        usable = False
    if not usable:
        raise Refused(
            "a webhook URL in owners.toml is invalid; expected https://HOST/PATH in ASCII, without a user name. "
            "Correct the URL."
        )
    return parts


def public_addresses(host: str, port: int) -> list[str]:
    """Return the IP addresses of the host. Raises Refused if any of them is not public, TryLater if DNS fails."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise TryLater(f"{host} could not be resolved: {error}", seconds=DNS_RETRY_SECONDS) from error
    addresses = [str(entry[4][0]) for entry in found]
    if refused := [address for address in addresses if not is_public(address)]:
        raise Refused(
            f"{host} resolves to {refused[0]}, which is not a public address. Use a host that is reachable from "
            "the internet."
        )
    return addresses


def is_public(text: str) -> bool:
    """Return whether an IP address is public; an IPv4 address embedded in an IPv6 address must be public too."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if any(address in network for network in TRANSLATED):
            return False
        carried = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if carried and not _is_public(carried):
            return False
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved
