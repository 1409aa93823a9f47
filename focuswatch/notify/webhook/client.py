"""Send a signed request to a webhook at a public address, without following redirects or retrying."""

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Timer

from focuswatch.errors import DeliveryError, Refused, TryLater, Unsure
from focuswatch.notify.retry_after import retry_after
from focuswatch.notify.webhook.cloud_event import CONTENT_TYPE
from focuswatch.notify.webhook.public_address import public_addresses, split_webhook_url
from focuswatch.notify.webhook.sign_and_verify_requests import SignedRequest

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0  # Standard Webhooks recommends 15 to 30 seconds
TOTAL_SECONDS = 30.0  # for the whole exchange, even if the endpoint responds byte by byte
RETRY_SECONDS = 60.0  # without a Retry-After header
BAD_CERTIFICATE_SECONDS = 900.0  # someone has to renew the certificate
RETRIED = {408, 425, 429}  # and every status from 500


@dataclass(frozen=True)
class WebhookEndpoint:
    """Sends requests; `resolve` returns the IP addresses of a host and port in the order to try."""

    clock: Callable[[], float]
    resolve: Callable[[str, int], Sequence[str]] = public_addresses
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    read_seconds: float = READ_SECONDS

    def post(self, url: str, *, id: str, body: bytes, secrets: Callable[[str], list[str]]) -> None:
        """Send the body, signed with the secrets of the URL's host.

        Raises TryLater (no connection, or a temporary error of the endpoint), Unsure (no response: the endpoint may
        have received it) or Refused.
        """
        parts = split_webhook_url(url)
        host, port = str(parts.hostname), parts.port or 443
        signed = SignedRequest(id=id, timestamp=int(self.clock()), body=body)
        headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "focuswatch", **signed.headers(secrets(host))}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._connected(host, port)
        try:
            status, received = self._exchange(connection, path, headers=headers, body=body)
        except (OSError, http.client.HTTPException) as error:
            raise Unsure(f"{host} did not respond: {type(error).__name__}") from error
        finally:
            connection.close()
        if failure := _failure(host, status, received):
            raise failure

    def _connected(self, host: str, port: int) -> http.client.HTTPSConnection:
        connection = _PinnedConnection(
            host, port, addresses=self.resolve(host, port), tls=self.tls, read_seconds=self.read_seconds
        )
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise TryLater(
                f"the TLS certificate of {host} is not valid: {error.verify_message}",
                seconds=BAD_CERTIFICATE_SECONDS,
            ) from error
        except OSError as error:
            raise TryLater(
                f"no connection to {host}: {type(error).__name__}", seconds=RETRY_SECONDS
            ) from error
        return connection

    def _exchange(
        self, connection: http.client.HTTPSConnection, path: str, *, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        limit = Timer(TOTAL_SECONDS, _shut, (connection.sock,))
        limit.start()
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            response = connection.getresponse()
            return response.status, dict(response.getheaders())
        finally:
            limit.cancel()


class _PinnedConnection(http.client.HTTPSConnection):
    """Connects to the first of `addresses` that accepts, and verifies the certificate for the host name."""

    def __init__(
        self, host: str, port: int, *, addresses: Sequence[str], tls: ssl.SSLContext, read_seconds: float
    ) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=tls)
        self._addresses, self._tls, self._read_seconds = addresses, tls, read_seconds

    def connect(self) -> None:
        raw = self._first_connection()
        try:
            self.sock = self._tls.wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise
        self.sock.settimeout(self._read_seconds)

    def _first_connection(self) -> socket.socket:
        for address in self._addresses[:-1]:  # in a function without IPv6, an IPv6 address fails at once
            try:
                return socket.create_connection((address, self.port), timeout=CONNECT_SECONDS)
            except OSError:
                continue
        return socket.create_connection((self._addresses[-1], self.port), timeout=CONNECT_SECONDS)


def _failure(host: str, status: int, headers: Mapping[str, str]) -> DeliveryError | None:
    """Return the error of a status; None for a success.

    After some of the retried statuses, the endpoint may have processed the event. Sending it again is safe, because
    the receiver recognizes its id, and only TryLater waits as long as the Retry-After header asks for.
    """
    if 200 <= status < 300:
        return None
    if status in RETRIED or status >= 500:
        seconds = retry_after(headers, otherwise=RETRY_SECONDS)
        return TryLater(f"{host} returned HTTP {status}", seconds=seconds)
    if 300 <= status < 400:
        return Refused(f"{host} returned HTTP {status}. Redirects are not followed; use the final URL.")
    return Refused(
        f"{host} returned HTTP {status}. Check the URL in owners.toml, and check that the endpoint accepts signed "
        "CloudEvents."
    )


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the response arrived at the same time
