"""Print Markdown tables row by row as they are measured, and the growth below them."""

from collections.abc import Mapping, Sequence

NOTICED = 1.15  # times the growth of the input; more is bold
LEAST = 0.5  # seconds or GiB; below, ratios are noise


def head(columns: Sequence[str]) -> None:
    """Print the first two lines."""
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
        wanted = sizes[after] / sizes[before]
        ratios = (ratio(values[before], values[after], wanted=wanted) for values in measures.values())
        line(f"from {size(sizes[before])} to {size(sizes[after])} {of}", f"x {wanted:,.1f}", *ratios)
    print(flush=True)


def size(number: float) -> str:
    """Return a size as text."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def ratio(before: float, after: float, *, wanted: float) -> str:
    """Return `after` / `before`; in bold if that is noticeably more than `wanted`."""
    growth_ratio = after / max(before, 0.001)
    text = f"x {growth_ratio:,.1f}"
    return f"**{text}**" if growth_ratio > wanted * NOTICED and after >= LEAST else text
