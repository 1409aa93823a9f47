"""Load and validate the catalog: the SQL files of `athena_sql/`, each with a TOML header.

Does not run any SQL. Checks that need an engine, such as whether the columns that `reason` refers to exist, are in
`focuswatch.authoring.check_catalog_sql_and_cases`.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Generic, Self, TypeVar

from pydantic import ValidationError

import focuswatch
from focuswatch.catalog.parse_toml_text_with_clear_syntax_errors import parse_toml
from focuswatch.catalog.sql_file_rules import FILL_IN, FORMER_NAMES, USD_SUFFIX, broken_rules
from focuswatch.catalog.sql_file_rules import PER_USD as PER_USD
from focuswatch.catalog.sql_header_models import (
    DEFAULT_SECURITY_TYPES,
    DetectionHeader,
    Header,
    Parameter,
    ReportHeader,
    TableHeader,
)
from focuswatch.catalog.strip_tag_key_prefixes import TAG_PREFIX
from focuswatch.engines.fill_placeholders_with_literals import render
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.errors import CatalogError, ConfigError

PACKAGE = Path(focuswatch.__file__).resolve().parent
# A wheel contains the catalog inside the package; in a checkout and in a Lambda function it is next to the package.
INSTALLED, SOURCE = PACKAGE / "athena_sql", PACKAGE.parent / "athena_sql"
ROOT = INSTALLED if INSTALLED.is_dir() else SOURCE

H = TypeVar("H", bound=Header, covariant=True)
E = TypeVar("E")


@dataclass(frozen=True)
class CatalogEntry(Generic[H]):
    """One file of the catalog; `id` is the file name without its suffix."""

    id: str
    header: H
    sql: str
    path: Path

    def render(self, values: dict[str, Value]) -> str:
        """Return the SQL with literals in place of placeholders, from `values` or else the defaults of the header.

        Defaults in USD are converted to the billing currency at the rate `per_usd` of `values` (default: 1).
        """
        defaults = in_currency(self.header.parameters, per_usd=values.get(PER_USD))
        return render(self.sql, {"tag_prefix": TAG_PREFIX.pattern, **defaults, **values})


def in_currency(parameters: Mapping[str, Parameter], *, per_usd: Value) -> dict[str, Value]:
    """Return the parameters with amounts in USD converted; `per_usd` is units of the currency for one US dollar."""
    if not isinstance(per_usd, int | float) or per_usd == 1:
        return dict(parameters)
    return {
        name: value * per_usd if name.endswith(USD_SUFFIX) and isinstance(value, int | float) else value
        for name, value in parameters.items()
    }


Detection = CatalogEntry[DetectionHeader]
Report = CatalogEntry[ReportHeader]
Table = CatalogEntry[TableHeader]


@dataclass(frozen=True)
class Catalog:
    """The files of an `athena_sql/` folder, by kind and sorted by id."""

    detections: dict[str, Detection]
    reports: dict[str, Report]
    tables: dict[str, Table]
    lookups: dict[str, Table]
    unfinished: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path = ROOT) -> Self:
        """Return the catalog in `root`. Raises CatalogError with all problems of all files.

        Detections that still contain FILL_IN are left out, so that an unfinished file does not make commands fail.
        `unfinished` has the problem of each.
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
    def enabled(self) -> tuple[Detection, ...]:
        """Return the detections that a scan runs: those whose status is live or trial."""
        return tuple(detection for detection in self.detections.values() if detection.header.status != "off")

    @cached_property
    def topics(self) -> dict[str, str]:
        """Return the additional SNS topics for new findings, by detection id."""
        return {id: entry.header.topic for id, entry in self.detections.items() if entry.header.topic}

    def security_types(self, detection_id: str) -> Sequence[str]:
        """Return the types of a detection's findings in Security Hub and OCSF, also if it was removed."""
        entry = self.detections.get(detection_id)
        return entry.header.security_types if entry else DEFAULT_SECURITY_TYPES

    def detection(self, id: str) -> Detection:
        """Return the detection `id`. Raises ConfigError, which lists the valid ids, for an unknown one."""
        return _get(self.detections, id, kind="detection")

    def report(self, id: str) -> Report:
        """Return the report `id`. Raises ConfigError, which lists the valid ids, for an unknown one."""
        return _get(self.reports, id, kind="report")


def _get(entries: dict[str, E], id: str, *, kind: str) -> E:
    if id not in entries:
        raise ConfigError(f"No {kind} is named '{id}'. Specify one of: {', '.join(entries)}.")
    return entries[id]


def _unfinished(folder: Path) -> dict[str, str]:
    """Return the problem of each detection that still contains FILL_IN, by id."""
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
    """Read and validate the file `path`. Raises CatalogError with all problems of the file."""
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
    sql = parts[2].strip()
    for name, former_name in FORMER_NAMES.items():
        sql = re.sub(rf"\${former_name}\b", f"${name}", sql)
    entry = CatalogEntry(id=path.stem, header=header, sql=sql, path=path)
    if problems := list(broken_rules(entry.id, header=header, sql=entry.sql, text=text)):
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
