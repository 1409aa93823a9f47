"""The catalog: every SQL file of `athena_sql/` with the TOML header at its top.

Files are read and validated, and never run. Checks that need an engine (do the columns of `reason` exist?) are in
`focuswatch.authoring.check_catalog_sql_and_cases`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, Self, TypeVar

from pydantic import ValidationError

import focuswatch
from focuswatch.catalog.parse_and_format_toml import parse_toml
from focuswatch.catalog.sql_header_fields import (
    DetectionHeader,
    Header,
    Parameter,
    ReportHeader,
    TableHeader,
)
from focuswatch.catalog.tag_key_prefixes import TAG_PREFIX
from focuswatch.engines.fill_placeholders_with_literals import placeholders, render
from focuswatch.engines.sql_values import Value
from focuswatch.errors import CatalogError, ConfigError

PACKAGE = Path(focuswatch.__file__).resolve().parent
# A wheel carries the catalog inside the package; in a checkout and in a Lambda it is beside the package.
INSTALLED, SOURCE = PACKAGE / "athena_sql", PACKAGE.parent / "athena_sql"
ROOT = INSTALLED if INSTALLED.is_dir() else SOURCE
BUILT_IN = {
    "as_of": "the first day that is not evaluated",
    "news_since": "the first day that the previous scan did not evaluate",
    "required_tags": "the tag keys that owners.toml requires",
    "tag_prefix": "a regular expression for the prefixes that cost allocation adds to tag keys",
}
PER_USD = "per_usd"  # among the values of a statement: units of the billing currency for one US dollar
MONEY = "_usd"  # how the names of parameters end that are amounts of money, in USD
# Words at the end of a name that mean money.
MONEY_WORDS = re.compile(r"(cost|costs|spend|spent|money|amount|price|charge)")
AWS_COMMAND = re.compile(r"\baws [a-z0-9-]+ [a-z0-9-]+")
FILL_IN = "FILL IN"  # placeholder in the files that `focuswatch new` creates


H = TypeVar("H", bound=Header, covariant=True)
E = TypeVar("E")


@dataclass(frozen=True)
class CatalogEntry(Generic[H]):
    """One file of the catalog: its id (the file's stem), its header, its SQL."""

    id: str
    header: H
    sql: str
    path: Path

    def render(self, values: dict[str, Value]) -> str:
        """Return the statement with its placeholders as literals, from `values` or the defaults of the file.

        Parameters in USD become amounts of the billing currency, of which `values` says `per_usd` (left out: 1).
        """
        defaults = in_currency(self.header.parameters, per_usd=values.get(PER_USD))
        return render(self.sql, {"tag_prefix": TAG_PREFIX.pattern, **defaults, **values})


def in_currency(parameters: Mapping[str, Parameter], *, per_usd: Value) -> dict[str, Value]:
    """Return the parameters with those in USD as amounts of the currency of which one dollar is `per_usd`."""
    if not isinstance(per_usd, int | float) or per_usd == 1:
        return dict(parameters)
    return {
        name: value * per_usd if name.endswith(MONEY) and isinstance(value, int | float) else value
        for name, value in parameters.items()
    }


Detection = CatalogEntry[DetectionHeader]
Report = CatalogEntry[ReportHeader]
Table = CatalogEntry[TableHeader]


@dataclass(frozen=True)
class Catalog:
    """All files of one `athena_sql/` folder, by kind and sorted by id."""

    detections: dict[str, Detection]
    reports: dict[str, Report]
    tables: dict[str, Table]
    lookups: dict[str, Table]
    unfinished: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path = ROOT) -> Self:
        """Return the catalog under `root`. Raises CatalogError that names every file with a broken rule.

        A detection that still contains FILL IN is left out, so that it stops no command; `unfinished` has a sentence
        about each.
        """
        problems: list[str] = []
        unfinished = _unfinished(root / "detections")
        catalog = cls(
            unfinished=unfinished,
            detections=_load_folder(root / "detections", DetectionHeader, problems, without=unfinished),
            reports=_load_folder(root / "reports", ReportHeader, problems),
            tables=_load_folder(root / "tables", TableHeader, problems),
            lookups=_load_folder(root / "lookups", TableHeader, problems),
        )
        if problems:
            raise CatalogError("\n".join(problems))
        return catalog

    @cached_property
    def live(self) -> tuple[Detection, ...]:
        """Return the detections that a scan runs: live and on trial."""
        return tuple(detection for detection in self.detections.values() if detection.header.status != "off")

    @cached_property
    def topics(self) -> dict[str, str]:
        """Return the names of the additional SNS topics, by the id of the detection whose new findings they receive."""
        return {id: entry.header.topic for id, entry in self.detections.items() if entry.header.topic}

    def detection(self, id: str) -> Detection:
        """Return the detection `id`. Raises ConfigError that lists the known ids."""
        return _named(self.detections, id, kind="detection")

    def report(self, id: str) -> Report:
        """Return the report `id`. Raises ConfigError that lists the known ids."""
        return _named(self.reports, id, kind="report")


def _named(entries: dict[str, E], id: str, *, kind: str) -> E:
    if id not in entries:
        raise ConfigError(f"No {kind} is named '{id}'. Specify one of: {', '.join(entries)}.")
    return entries[id]


def _unfinished(folder: Path) -> dict[str, str]:
    """Return the detections that `focuswatch new` wrote and no one has completed, each with what to do."""
    return {
        path.stem: f"{path.parent.name}/{path.name}: found the placeholder '{FILL_IN}'; replace it with your own text."
        for path in sorted(folder.glob("*.sql"))
        if FILL_IN.encode() in path.read_bytes()
    }


def _load_folder(
    folder: Path, header_type: type[H], problems: list[str], *, without: Collection[str] = ()
) -> dict[str, CatalogEntry[H]]:
    entries: dict[str, CatalogEntry[H]] = {}
    for path in sorted(folder.glob("*.sql")):
        if path.stem in without:
            continue
        try:
            entries[path.stem] = read_entry(path, header_type)
        except CatalogError as error:
            problems.append(str(error))
    return entries


def read_entry(path: Path, header_type: type[H]) -> CatalogEntry[H]:
    """Return the file at `path`. Raises CatalogError that names every broken rule."""
    where = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{where}: not UTF-8 text: {error}. Save the file as UTF-8.") from error
    parts = re.match(r"\s*/\*(.*?)\*/(.*)", text, re.DOTALL)
    if parts is None:
        raise CatalogError(
            f"{where}: no header found; start the file with a TOML header in a /* … */ comment."
        )
    header = _read_header(parts[1], header_type, where=where)
    entry = CatalogEntry(id=path.stem, header=header, sql=parts[2].strip(), path=path)
    problems = _broken_rules(entry, text)
    if problems:
        raise CatalogError("\n".join(f"{where}: {problem}" for problem in problems))
    return entry


def _read_header(text: str, header_type: type[H], *, where: str) -> H:
    try:
        return header_type.model_validate(parse_toml(text))
    except ValidationError as error:
        lines = (
            f"{where}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}, found {problem['input']!r}."
            for problem in error.errors()
        )
        raise CatalogError("\n".join(lines)) from error
    except ValueError as error:
        raise CatalogError(f"{where}: the header is not valid TOML: {error}.") from error


def _misuses_pace(header: DetectionHeader) -> bool:
    return header.pace is None if header.kind == "forecast" else bool(header.pace) and header.kind == "series"


def _misuses_action_of_others(header: DetectionHeader) -> bool:
    others = header.action_of_others
    if header.providers == "AWS":
        return others is not None
    return bool(AWS_COMMAND.search(header.action if others is None else others))


def _broken_rules(entry: CatalogEntry[Header], text: str) -> list[str]:
    used, parameters = placeholders(entry.sql), set(entry.header.parameters)
    problems = []
    if isinstance(entry.header, DetectionHeader) and (entry.header.kind == "series") != bool(
        entry.header.scoring
    ):
        problems.append('[scoring] is required with kind = "series" and not allowed with other kinds.')
    if isinstance(entry.header, DetectionHeader) and _misuses_pace(entry.header):
        problems.append('[pace] is required with kind = "forecast" and not allowed with kind = "series".')
    if isinstance(entry.header, DetectionHeader) and _misuses_action_of_others(entry.header):
        problems.append(
            'action_of_others is required with providers = "all" if action contains an AWS command. '
            'action_of_others must not contain an AWS command, and is not allowed with providers = "AWS".'
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]{2,59}", entry.id):
        problems.append(
            f"the file name '{entry.id}' is not a valid ID; expected 3 to 60 lowercase letters, digits and "
            "underscores, starting with a letter."
        )
    if FILL_IN in text:
        problems.append(f"found the placeholder '{FILL_IN}'; replace it with your own text.")
    if unknown := used - parameters - set(BUILT_IN):
        names = ", ".join(f"${name}" for name in sorted(unknown))
        problems.append(
            f"no value for {names}; add each parameter under [parameters], or use a built-in parameter: "
            f"{', '.join(BUILT_IN)}."
        )
    if idle := parameters - used:
        problems.append(
            f"the SQL does not use {', '.join(sorted(idle))}; remove unused parameters from [parameters]."
        )
    if unmarked := sorted(name for name in parameters if _is_unmarked_money(name)):
        problems.append(
            f"the name of an amount under [parameters] must end in {MONEY}: rename {', '.join(unmarked)} to "
            f"{', '.join(f'{name}{MONEY}' for name in unmarked)}, and specify the amount in USD. focuswatch converts "
            "the amount to the bill's currency."
        )
    if broken := sorted(
        name for name in parameters if name.endswith(MONEY) and not _is_number(entry.header.parameters[name])
    ):
        problems.append(f"{', '.join(broken)}: expected a number (an amount in USD).")
    if shadowed := parameters & {*BUILT_IN, PER_USD}:
        problems.append(
            f"[parameters] must not contain {', '.join(sorted(shadowed))}, because focuswatch sets the values."
        )
    if not re.match(r"(SELECT|WITH)\b", entry.sql):
        problems.append("no query found after the header; expected a query that starts with SELECT or WITH.")
    if ";" in re.sub(r"'[^']*'|--[^\n]*", "", entry.sql):
        problems.append("found ';'; expected one statement without a semicolon.")
    return problems


def _is_unmarked_money(name: str) -> bool:
    return MONEY_WORDS.fullmatch(name.rpartition("_")[2]) is not None


def _is_number(value: Parameter) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
