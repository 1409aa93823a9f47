"""The key of a vendor's API: the value of an environment variable, or of a secret."""

import json

from focuswatch.errors import ConfigError


def checked_key(key: str, *, source: str) -> str:
    """Return the key. Raises ConfigError that names `source`, and never the key, for what cannot be in a header."""
    if not key.isascii() or any(character.isspace() for character in key):
        raise ConfigError(
            f"The value of {source} is not an API key, because it contains spaces or non-ASCII characters"
        )
    return key


def key_in_secret(secret: str, *, variable: str, name: str) -> str:
    """Return the key in the secret `name`: the text as a whole, or `variable` of a JSON object. Raises ConfigError."""
    key, source = secret.strip(), f"the secret {name}"
    if key.startswith("{"):
        try:
            key = str(json.loads(key)[variable]).strip()
        except (ValueError, KeyError, RecursionError):  # without its text, which may contain the key
            raise ConfigError(
                f"The secret {name} is JSON without the key {variable}. Add {variable} to the secret, or store the "
                "API key as text"
            ) from None
    if not key:
        raise ConfigError(f"The secret {name} is empty. Store the vendor's API key in the secret")
    return checked_key(key, source=source)
