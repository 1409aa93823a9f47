"""Format a number with its noun, for sentences."""


def count_text(number: int, noun: str) -> str:
    """Return `1 finding` or `1,200 findings`. `noun` is a singular that forms its plural with s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
