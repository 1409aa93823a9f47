"""The protocol that every engine implements."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import numpy as np  # takes a tenth of a second, and only series need it

Row = dict[str, Any]


class Engine(Protocol):
    """Runs statements of the common SQL over the tables that detections read."""

    name: str
    at_once: int  # statements it runs well at the same time; its methods may be called from as many threads

    @property
    def tables(self) -> Mapping[str, str]:
        """SELECTs by name that stand before the statements that read them, each after what it reads itself."""
        ...

    def over(self, tables: Mapping[str, str]) -> Self:
        """Return the engine with other `tables`."""
        ...

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return rows of one SELECT, keyed by column name in the statement's order.

        `label` says which detection, report or table the statement belongs to; an error names it.
        Raises QueryError.
        """
        ...

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return the same rows column by column, for results too long for one dict a row; nulls are masked.

        Without rows it may be empty."""
        ...

    def close(self) -> None:
        """Release the resources of the engine."""
        ...
