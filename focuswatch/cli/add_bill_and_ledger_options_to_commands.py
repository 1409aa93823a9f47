"""Groups of command options as dataclasses: `BillOptions` and `LedgerOptions`.

The decorator `takes` adds the options of a group to a command.
"""

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from focuswatch.cli import shared_option_types
from focuswatch.cli.open_bill_on_duckdb_or_trino import TrinoLocation, trino_location
from focuswatch.cli.shared_option_types import EngineName
from focuswatch.engines.parse_trino_address_and_connect import SignIn


@dataclass(frozen=True)
class BillOptions:
    """The bill that a command reads.

    If `export` is None, the command reads the most recently scanned export. `others` are analyzed together with it.
    """

    export: shared_option_types.MaybeExport = None
    others: shared_option_types.OtherExports = None
    as_of: shared_option_types.AsOf = None
    activity: shared_option_types.Activity = None
    accounts: shared_option_types.Accounts = None
    links: shared_option_types.Links = None
    recommendations: shared_option_types.Recommendations = None
    principals: shared_option_types.Principals = None
    invocations: shared_option_types.Invocations = None
    token_hours: shared_option_types.TokenHours = None
    events: shared_option_types.Events = None
    owners: shared_option_types.OwnersFile = None
    ledger: shared_option_types.LedgerLocation = None
    state: shared_option_types.State = None
    engine: shared_option_types.Engine = EngineName.DUCKDB
    trino: shared_option_types.TrinoServer = None
    trino_auth: shared_option_types.TrinoSignIn = SignIn.NONE

    @property
    def trino_location(self) -> TrinoLocation | None:
        """The Trino server that holds the bill; None for files. Raises ConfigError if its address is missing."""
        return trino_location(self.engine, self.trino, self.trino_auth)


@dataclass(frozen=True)
class LedgerOptions:
    """The ledger that a command reads or changes."""

    export: shared_option_types.ExportOption = None
    ledger: shared_option_types.LedgerLocation = None
    state: shared_option_types.State = None


def takes(
    group: type, *, without: Collection[str] = (), **annotations: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that replaces a command's parameter of type `group` with one option for each field of `group`.

    `without` lists the fields that this command does not accept. `annotations` override the annotations of fields by
    name; a field that is annotated as `str` is required.
    """

    def expand(command: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(command, eval_str=True).parameters
        (target,) = (name for name, parameter in parameters.items() if parameter.annotation is group)
        group_parameters = _parameters_of(group, without=without, annotations=annotations)
        expanded = []
        for name, parameter in parameters.items():
            expanded += (
                group_parameters
                if name == target
                else [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
            )

        @functools.wraps(command)
        def call(**values: Any) -> None:
            grouped = group(**{parameter.name: values.pop(parameter.name) for parameter in group_parameters})
            command(**{target: grouped}, **values)

        call.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in expanded}
        return call

    return expand


def _parameters_of(
    group: type, *, without: Collection[str], annotations: dict[str, Any]
) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True) | annotations
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if hints[field.name].__origin__ is str else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
        if field.name not in without
    ]
