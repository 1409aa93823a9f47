"""Validate the API key of a vendor, and extract it from the text of a secret. Reads no environment and no secret."""

import json

from focuswatch.errors import ConfigError


def checked_key(key: str, *, source: str) -> str:
    """Return `key`. Raises ConfigError if the key cannot be sent in a header.

    The error names `source` and never contains the key.
    """
    if not key.isascii() or any(character.isspace() for character in key):
        raise ConfigError(
            f"The value of {source} is not an API key, because it contains spaces or non-ASCII characters"
        )
    return key


def key_in_secret(secret: str, *, variable: str, name: str) -> str:
    """Return the API key in the text of the secret `name`. Raises ConfigError if there is no valid key.

    The text is either the key itself, or a JSON object with the key under `variable`.
    """
    key, source = secret.strip(), f"the secret {name}"
    if key.startswith("{"):
        try:
            key = str(json.loads(key)[variable]).strip()
        except (ValueError, KeyError, RecursionError):  # not chained: the error can contain the key
            raise ConfigError(
                f"The JSON in the secret {name} is invalid or has no field {variable}. Add the field {variable}, or "
                "store only the API key, as text"
            ) from None
    if not key:
        raise ConfigError(f"The secret {name} is empty. Store the vendor's API key in the secret")
    return checked_key(key, source=source)
