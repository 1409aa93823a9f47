"""Parse TOML text with one-sentence errors."""

import tomllib
from typing import Any


def parse_toml(text: str) -> dict[str, Any]:
    """Return the parsed document. Raises ValueError with one sentence if `text` is not valid TOML.

    `tomllib` raises RecursionError for deeply nested arrays, and a plain ValueError for an integer with more digits
    than Python converts: https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("the values are nested too deeply") from error
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:
        raise ValueError("a number has too many digits") from error
