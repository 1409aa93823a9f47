"""Print Markdown tables row by row as they are measured, and the growth below them."""

from collections.abc import Mapping, Sequence

NOTICED = 1.15  # growth of more than this multiple of the input's growth is bold
LEAST = 0.5  # seconds or GiB; ratios of less are noise


def head(columns: Sequence[str]) -> None:
    """Print the header of a table."""
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def line(*cells: str) -> None:
    """Print a row."""
    print(f"| {' | '.join(cells)} |", flush=True)


def growth(of: str, sizes: Sequence[float], measures: Mapping[str, Sequence[float]]) -> None:
    """Print the growth of the input and of each measure from each size to the next, and from the first to the last."""
    steps = list(zip(range(len(sizes)), range(1, len(sizes)), strict=False))
    if len(sizes) > 2:
        steps.append((0, len(sizes) - 1))
    if not steps:
        return
    print()
    head(["growth", of, *measures])
    for before, after in steps:
        expected = sizes[after] / sizes[before]
        ratios = (ratio(values[before], values[after], expected=expected) for values in measures.values())
        line(f"from {size(sizes[before])} to {size(sizes[after])} {of}", f"x {expected:,.1f}", *ratios)
    print(flush=True)


def size(number: float) -> str:
    """Return a size as text."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def ratio(before: float, after: float, *, expected: float) -> str:
    """Return `after` / `before` as text, in bold if it is noticeably more than `expected`."""
    growth_ratio = after / max(before, 0.001)
    text = f"x {growth_ratio:,.1f}"
    return f"**{text}**" if growth_ratio > expected * NOTICED and after >= LEAST else text
