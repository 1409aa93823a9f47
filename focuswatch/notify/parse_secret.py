"""Parse the JSON text of a secret without showing its values in errors."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from focuswatch.errors import Refused

Secret = TypeVar("Secret", bound=BaseModel)


def parse_secret(model: type[Secret], text: str, *, channel: str, expected: str) -> Secret:
    """Return the secret of a channel. Raises Refused if it does not have the `expected` format."""
    try:
        return model.model_validate_json(text)
    except ValidationError:  # its text contains the values
        raise Refused(
            f"The {channel} secret does not have the format {expected}. Correct the secret, then run focuswatch doctor."
        ) from None
