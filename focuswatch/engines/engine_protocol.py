"""Define `Engine`, the protocol that every SQL engine implements."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    import numpy as np  # the import takes 0.1 s, and only series need it

Row = dict[str, Any]


class Engine(Protocol):
    """Runs statements of the common SQL over the tables that detections read.

    Engines are compared by identity, so that they can be keys of a dict.
    """

    name: str
    at_once: int  # statements to run concurrently; methods may be called from as many threads

    @property
    def tables(self) -> Mapping[str, str]:
        """SELECTs by table name, prepended to the statements that read them; each comes after the tables it reads."""
        ...

    def over(self, tables: Mapping[str, str]) -> Self:
        """Return the same engine with other `tables`."""
        ...

    def query(self, statement: str, *, label: str) -> list[Row]:
        """Return the rows of one SELECT, keyed by column name in the statement's order. Raises QueryError.

        `label` names the detection, report or table that the statement belongs to; errors include it.
        """
        ...

    def columns(self, statement: str, *, label: str) -> "dict[str, np.ndarray]":
        """Return the rows of one SELECT by column, for results too long for one dict per row.

        Text is an array of objects, and dates are datetime64. A column with nulls is a masked array, any other column a
        plain array. The dict may be empty if there are no rows.
        """
        ...

    def close(self) -> None:
        """Release the resources of the engine."""
        ...
