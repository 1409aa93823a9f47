"""Parse the address of a Trino server, and connect to it with a sign-in method of the `trino` client.

https://github.com/trinodb/trino-python-client#authentication-mechanisms
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from focuswatch.errors import ConfigError

if TYPE_CHECKING:
    from trino.dbapi import Connection

EXPECTED = "expected https://USER@HOST:PORT/CATALOG/SCHEMA"
PORTS = {"http": 8080, "https": 443}


class SignIn(StrEnum):
    """Sign-in methods. Secrets come from the environment, because every user of a machine can see command arguments."""

    NONE = "none"
    PASSWORD = "password"  # noqa: S105  the way's name, no secret
    JWT = "jwt"
    OAUTH2 = "oauth2"
    KERBEROS = "kerberos"
    CERTIFICATE = "certificate"


SECRETS = {
    SignIn.PASSWORD: ("TRINO_PASSWORD",),
    SignIn.JWT: ("TRINO_JWT",),
    SignIn.CERTIFICATE: ("TRINO_CERTIFICATE", "TRINO_CERTIFICATE_KEY"),
}


@dataclass(frozen=True)
class Server:
    """A Trino server, and the catalog and schema for the tables of focuswatch."""

    scheme: str
    host: str
    port: int
    user: str
    catalog: str
    schema: str

    @classmethod
    def at(cls, address: str) -> "Server":
        """Return the server of `https://USER@HOST:PORT/CATALOG/SCHEMA`. Raises ConfigError."""
        try:
            parts = urlsplit(address)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise ConfigError(f"--trino {address}: {error}; {EXPECTED}.") from error
        if parts.password:
            raise ConfigError(f"--trino contains a password; {EXPECTED}. Set the password in TRINO_PASSWORD.")
        names = [unquote(name) for name in parts.path.strip("/").split("/")]
        if parts.scheme not in PORTS or not parts.hostname or len(names) != 2 or not all(names):
            raise ConfigError(f"--trino {address}: {EXPECTED}.")
        user = unquote(parts.username or os.environ.get("USER", ""))
        if not user:
            raise ConfigError(f"--trino {address} has no user; {EXPECTED}.")
        return cls(parts.scheme, parts.hostname, port, user, *names)

    def connection(
        self, sign_in: SignIn, *, secrets: Mapping[str, str] = os.environ, run_id: str
    ) -> "Callable[[], Connection]":
        """Return a function that opens a connection. Raises ConfigError if the client or a secret is missing."""
        try:
            from trino.dbapi import connect
        except ImportError as error:
            raise ConfigError(
                "--engine trino requires the Trino client: pip install 'focuswatch[trino]'."
            ) from error
        found_secrets = {name: secrets[name] for name in SECRETS.get(sign_in, ()) if secrets.get(name)}
        if missing := [name for name in SECRETS.get(sign_in, ()) if name not in found_secrets]:
            raise ConfigError(
                f"--trino-auth {sign_in} requires the environment variables {' and '.join(missing)}."
            )
        if sign_in is not SignIn.NONE and self.scheme != "https":
            raise ConfigError(
                f"--trino-auth {sign_in} over http would expose the secret. Use https for --trino."
            )
        auth = _auth(sign_in, user=self.user, secrets=found_secrets)

        def opened() -> "Connection":
            connection: Connection = connect(  # type: ignore[no-untyped-call]
                host=self.host,
                port=self.port,
                user=self.user,
                catalog=self.catalog,
                schema=self.schema,
                http_scheme=self.scheme,
                auth=auth,
                source="focuswatch",
                client_tags=[run_id],
            )
            return connection

        return opened


def _auth(sign_in: SignIn, *, user: str, secrets: Mapping[str, str]) -> Any:
    from trino import auth

    match sign_in:
        case SignIn.NONE:
            return None
        case SignIn.PASSWORD:
            return auth.BasicAuthentication(user, secrets["TRINO_PASSWORD"])
        case SignIn.JWT:
            return auth.JWTAuthentication(secrets["TRINO_JWT"])
        case SignIn.OAUTH2:
            return auth.OAuth2Authentication()
        case SignIn.KERBEROS:
            return auth.KerberosAuthentication()
        case SignIn.CERTIFICATE:
            return auth.CertificateAuthentication(
                secrets["TRINO_CERTIFICATE"], secrets["TRINO_CERTIFICATE_KEY"]
            )
