"""Lay out and print tables on a terminal of any width, without truncating numbers or breaking words.

Text wraps between words, and a word that is too long is shortened in the middle. If the table still does not fit, each
row is printed as a paragraph of headings and values. Piped output has no colors; its width is the environment variable
COLUMNS, by default 120. This module does not depend on findings or reports.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

GAP = 2  # spaces between columns
INDENT = 2  # spaces before each line of a paragraph except the first
# Limits for words in columns with `shortens`: longer words are shortened to the first limit with which the table fits.
LONG_WORDS = (40, 32, 24)
NAME = LONG_WORDS[0]  # limit in all other columns; people do not type longer names
ELLIPSIS = "…"
PIPED_WIDTH = 120
LEAST_WIDTH = 20

Line = tuple[str, str]  # a text and its style
Cell = str | Sequence[Line]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    The values of a `number` column are right-aligned and never shortened. Words of a `shortens` column are shortened
    further than those of other columns if the table does not fit.
    """

    heading: str
    number: bool = False
    style: str = ""
    shortens: bool = False


def grid(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, width: int) -> Text:
    """Return the table, or a paragraph for each row if `width` is too narrow for a table."""
    cells = [[_lines(cell, column) for cell, column in zip(row, columns, strict=True)] for row in rows]
    widths = _widths(columns, cells, width=width)
    lines = _paragraphs(columns, cells, width=width) if widths is None else _table(columns, cells, widths)
    return Text("\n", end="").join(lines)


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, broken between words; a word wider than `width` is shortened in the middle."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            short = shortened(word, width)
            if line and cell_len(line) + 1 + cell_len(short) > width:
                lines.append(line)
                line = short
            else:
                line = f"{line} {short}" if line else short
        lines.append(line)
    return lines


def shortened(word: str, width: int) -> str:
    """Return the word, with an ellipsis in its middle if it is too long. More of the end remains than of the start.

    The end of an identifier such as an ARN says more than its start.
    """
    if cell_len(word) <= width:
        return word
    head = (width - 1) // 3
    begin, end = _fitting(word, head), _fitting(word[::-1], width - 1 - head)[::-1]
    return f"{begin}{ELLIPSIS}{end}"


def _fitting(text: str, width: int) -> str:
    used, kept = 0, []
    for sign in text:
        used += cell_len(sign)
        if used > width:
            break
        kept.append(sign)
    return "".join(kept)


def _lines(cell: Cell, column: Column) -> list[Line]:
    return [(cell, column.style)] if isinstance(cell, str) else list(cell)


def _widths(
    columns: Sequence[Column], cells: Sequence[Sequence[Sequence[Line]]], *, width: int
) -> list[int] | None:
    """Return the width of each column, or None if the columns do not fit."""
    room = width - GAP * (len(columns) - 1)
    most = [
        max((cell_len(text) for row in cells for text, _ in row[place]), default=0)
        for place in range(len(columns))
    ]
    wanted = [max(one, cell_len(column.heading)) for one, column in zip(most, columns, strict=True)]
    for long_word in LONG_WORDS:
        least = [
            max(
                _longest_word(column.heading),
                most[place]
                if column.number
                else min(
                    max((_longest_word(text) for row in cells for text, _ in row[place]), default=0),
                    long_word if column.shortens else NAME,
                ),
            )
            for place, column in enumerate(columns)
        ]
        if sum(least) <= room:
            return _shared_out(least, most=wanted, room=room)
    return None


def _shared_out(least: Sequence[int], *, most: Sequence[int], room: int) -> list[int]:
    """Return the widths after the remaining room is given, cell by cell, to the column that wraps most."""
    widths = list(least)
    for _ in range(room - sum(least)):
        place = max(range(len(widths)), key=lambda place: most[place] / max(widths[place], 1))
        if most[place] <= widths[place]:
            break
        widths[place] += 1
    return widths


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _table(
    columns: Sequence[Column], cells: Sequence[Sequence[Sequence[Line]]], widths: Sequence[int]
) -> Iterator[Text]:
    headings = [[(column.heading, "bold")] for column in columns]
    yield from _row(columns, headings, widths)
    yield Text("─" * (sum(widths) + GAP * (len(widths) - 1)), style="dim")
    several = any(len(cell) > 1 for row in cells for cell in row)
    for row in cells:
        yield from _row(columns, row, widths)
        if several:
            yield Text()


def _row(columns: Sequence[Column], row: Sequence[Sequence[Line]], widths: Sequence[int]) -> Iterator[Text]:
    wide = [
        [(part, style) for text, style in cell for part in wrapped(text, width)]
        for cell, width in zip(row, widths, strict=True)
    ]
    for number in range(max(map(len, wide), default=0)):
        line = Text()
        for place, (column, cell, width) in enumerate(zip(columns, wide, widths, strict=True)):
            text, style = cell[number] if number < len(cell) else ("", "")
            space = " " * (width - cell_len(text))
            line.append(" " * GAP if place else "")
            line.append(space if column.number else "")
            line.append(text, style=style)
            line.append("" if column.number else space)
        line.rstrip()
        yield line


def _paragraphs(
    columns: Sequence[Column], cells: Sequence[Sequence[Sequence[Line]]], *, width: int
) -> Iterator[Text]:
    """Yield each row as pairs of heading and value in order: short pairs side by side, long texts on separate lines."""
    for row in cells:
        said = [pair for pair in zip(columns, row, strict=True) if any(text for text, _ in pair[1])]
        for number, line in enumerate(_paragraph(said, width=width - INDENT)):
            yield Text(" " * INDENT if number else "").append_text(line)
        yield Text()


def _paragraph(said: Sequence[tuple[Column, Sequence[Line]]], *, width: int) -> Iterator[Text]:
    short: list[str] = []
    for column, lines in said:
        pair = f"{column.heading}: {lines[0][0]}"
        if len(lines) == 1 and (column.number or cell_len(pair) <= width // 2):
            short.append(pair)
            continue
        yield from _packed(short, width=width)
        short = []
        yield from _labelled(column.heading, lines, width=width)
    yield from _packed(short, width=width)


def _labelled(heading: str, lines: Sequence[Line], *, width: int) -> Iterator[Text]:
    first, style = lines[0]
    for part in wrapped(f"{heading}: {first}", width):
        yield Text(part, style=style)
    for text, style in lines[1:]:
        for part in wrapped(text, width):
            yield Text(part, style=style)


def _packed(pairs: Sequence[str], *, width: int) -> Iterator[Text]:
    line = ""
    for pair in pairs:
        if line and cell_len(line) + GAP + cell_len(pair) > width:
            yield Text(line)
            line = ""
        line = f"{line}{' ' * GAP}{pair}" if line else pair
        if cell_len(line) > width:  # wraps the heading of a number, but never shortens the number
            *others, line = wrapped(line, max(width, _longest_word(line)))
            yield from map(Text, others)
    if line:
        yield Text(line)


def console(*, stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or with the width for piped output."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _piped_width(), highlight=False)


def _piped_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    is_width = columns.isascii() and columns.isdigit() and columns != "0"
    return max(int(columns), LEAST_WIDTH) if is_width else PIPED_WIDTH


def print_grid(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table as wide as the console."""
    out.print(grid(columns, rows, width=max(out.width, LEAST_WIDTH)), soft_wrap=True)
