"""The protocol of an open bill, implemented by local_bill, joint_bill, trino_bill and athena_bill."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Protocol

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.engines import Engine

Progress = Callable[[str], None]
KNOWN_FINDINGS_TABLE = "known_findings"


class Bill(Protocol):
    """An organization's bill, refreshed and open for queries as of a day.

    Each implementation has a context manager that opens it: `open_local_bill`, `open_joint_bill`, `open_trino_bill`
    and `open_athena_bill`. The tables of focuswatch.bill.schema.columns_of_all_tables can be read until the block ends.
    """

    @property
    def engine(self) -> Engine:
        """The engine over all charges."""
        ...

    @property
    def aws_engine(self) -> Engine:
        """The engine over AWS charges only, for detections of AWS resources; `engine` itself if there are no others."""
        ...

    @property
    def summary(self) -> BillSummary:
        """The extent of the charges, and the warnings of the refresh."""
        ...

    @property
    def as_of(self) -> date:
        """The first day that is not analyzed."""
        ...

    @property
    def data_digest(self) -> str | None:
        """A digest of everything that detections read; None if it is unknown, so that no result may be reused."""
        ...

    def delivered_charges(self, billing_period: date) -> str:
        """Return a SELECT of a billing period's charges as delivered: the columns of `focus_export` and InvoiceId.

        Raises ExportError if the delivered files cannot be selected, and QueryError.
        """
        ...

    def load_known_findings(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Replace the table `known_findings`; rows have the columns of KNOWN_FINDINGS. Raises QueryError."""
        ...

    def kept_forecasts(self, month: date) -> list[KeptForecast]:
        """Return the stored forecasts of a month. Raises QueryError."""
        ...

    def keep_forecasts(self, rows: Sequence[KeptForecast]) -> None:
        """Store the forecasts of a day, in addition to those of other days. Raises QueryError.

        See kept_forecast_record_and_merge.
        """
        ...
