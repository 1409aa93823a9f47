"""A number with its noun, for sentences."""


def count_text(number: int, noun: str) -> str:
    """Return `1 finding` or `1,200 findings`; the plural of `noun` ends in s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
