"""Tables in Markdown, printed line by line as they are measured, and the growth below them."""

from collections.abc import Mapping, Sequence

NOTICED = 1.15  # of the input's ratio; what grows by more stands in bold
LEAST = 0.5  # seconds or GiB; below, ratios are noise


def head(columns: Sequence[str]) -> None:
    """The first two lines."""
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)


def line(*cells: str) -> None:
    """One more line."""
    print(f"| {' | '.join(cells)} |", flush=True)


def growth(of: str, sizes: Sequence[float], measures: Mapping[str, Sequence[float]]) -> None:
    """From each size to the next, and from the first to the last: the ratio of the input, and of each measure."""
    steps = list(zip(range(len(sizes)), range(1, len(sizes)), strict=False))
    if len(sizes) > 2:
        steps.append((0, len(sizes) - 1))
    if not steps:
        return
    print()
    head(["growth", of, *measures])
    for before, after in steps:
        wanted = sizes[after] / sizes[before]
        told = (ratio(values[before], values[after], wanted=wanted) for values in measures.values())
        line(f"{size(sizes[before])} to {size(sizes[after])}", f"x {wanted:,.1f}", *told)
    print(flush=True)


def size(number: float) -> str:
    """A size as it is shown."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def ratio(before: float, after: float, *, wanted: float) -> str:
    """`after` over `before`; in bold where that is noticeably more than `wanted`."""
    found = after / max(before, 0.001)
    text = f"x {found:,.1f}"
    return f"**{text}**" if found > wanted * NOTICED and after >= LEAST else text
