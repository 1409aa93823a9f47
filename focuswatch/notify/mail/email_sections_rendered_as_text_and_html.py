"""Define the content of an email and render it as plain text and as HTML.

Both forms contain the same text. The HTML has no images, scripts or external resources. This module escapes names from
the bill; callers pass them unescaped.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass

from focuswatch.findings.fill_action_with_safe_commands import COMMAND
from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate

SUBJECT_CHARACTERS = 150
FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
BODY = f"margin:0;padding:24px;{FONT};font-size:15px;line-height:1.5"
CODE = "font-family:Menlo,Consolas,monospace;font-size:13px;word-break:break-all"
CELL = "padding:2px 16px 2px 0;text-align:left;vertical-align:top"
INDENT = "  "


@dataclass(frozen=True)
class Section:
    """A part of an email: paragraphs (`lines`), or the `rows` of a table.

    `columns` are the headings of the table; without them, each row is a label and its value.
    """

    heading: str | None = None
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    small: bool = False


@dataclass(frozen=True)
class Mail:
    """An email. `amount` is shown below the title; `link` is a label and a URL, shown above the last section."""

    subject: str
    title: str
    amount: str
    sections: tuple[Section, ...]
    link: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """Return the plain-text form."""
        parts = [f"{self.title}\n{self.amount}", *(_text_of(section) for section in self.sections[:-1])]
        if self.link:
            parts.append(f"{self.link[0]}: {self.link[1]}")
        parts += [_text_of(section) for section in self.sections[-1:]]
        return visible("\n\n".join(parts)) + "\n"

    @property
    def html(self) -> str:
        """Return the HTML form."""
        link = ""
        if self.link:
            link = f'<p><a href="{html.escape(self.link[1])}">{html.escape(self.link[0])}</a></p>\n'
        body = "".join(_html_of(section) for section in self.sections[:-1]) + link
        body += "".join(_html_of(section) for section in self.sections[-1:])
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
            f"<title>{_escaped(self.title)}</title></head>\n"
            f'<body style="{BODY}">\n<div style="max-width:640px">\n'
            f'<h1 style="font-size:20px;margin:0">{_escaped(self.title)}</h1>\n'
            f'<p style="font-size:18px;margin:4px 0 16px"><strong>{_escaped(self.amount)}</strong></p>\n'
            f"{body}</div>\n</body>\n</html>\n"
        )


def subject_line(text: str) -> str:
    """Return one line without control characters, shortened to a length that email clients show."""
    return truncate(one_line(text), SUBJECT_CHARACTERS)


def _text_of(section: Section) -> str:
    lines = [section.heading] if section.heading else []
    lines += section.lines
    if section.columns:
        lines += [" · ".join(filter(None, row)) for row in section.rows]
    else:
        width = max((len(row[0]) for row in section.rows), default=0)
        lines += [f"{row[0]:{width}}{INDENT}{' '.join(row[1:])}" for row in section.rows]
    return "\n".join(lines)


def _html_of(section: Section) -> str:
    style = "margin:0 0 8px" + (";font-size:13px;opacity:0.75" if section.small else "")
    heading = (
        f'<h2 style="font-size:15px;margin:20px 0 4px">{_escaped(section.heading)}</h2>\n'
        if section.heading
        else ""
    )
    lines = "".join(f'<p style="{style}">{_with_code(line)}</p>\n' for line in section.lines)
    return heading + lines + "".join(_table(section))


def _table(section: Section) -> Iterator[str]:
    if not section.rows:
        return
    yield '<table style="border-collapse:collapse;font-size:14px">\n'
    if section.columns:
        heads = "".join(f'<th style="{CELL}">{_escaped(one)}</th>' for one in section.columns)
        yield f"<tr>{heads}</tr>\n"
    for row in section.rows:
        yield "<tr>" + "".join(f'<td style="{CELL}">{_escaped(cell)}</td>' for cell in row) + "</tr>\n"
    yield "</table>\n"


def _with_code(line: str) -> str:
    """Return a line as HTML, with its commands in code elements."""
    end, parts = 0, []
    for command in COMMAND.finditer(line):
        parts += [
            _escaped(line[end : command.start()]),
            f'<code style="{CODE}">{_escaped(command[0])}</code>',
        ]
        end = command.end()
    return "".join((*parts, _escaped(line[end:])))


def _escaped(text: str) -> str:
    return html.escape(visible(text))
