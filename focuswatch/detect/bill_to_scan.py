"""Define what a scan reads of an open bill."""

from dataclasses import dataclass
from datetime import date

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillPart
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.engines import Engine
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate, rate_of
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class BillToScan:
    """The charges before `as_of`, in `currency`, and where to query them.

    `aws_engine` is the engine over AWS charges only, if the bill also has other charges. `rate` converts thresholds in
    USD; None means the rate in owners.toml or in the built-in table. `names` are the names of the bills, and `parts`
    are the bills if several are read together. `hourly` has the hourly charges that show when a cost increase started.
    """

    engine: Engine
    as_of: date
    currency: str
    aws_engine: Engine | None = None
    rate: Rate | None = None
    names: tuple[str, ...] = ()
    parts: tuple[BillPart, ...] = ()
    hourly: HourlyCharges | None = None

    @property
    def has_other_providers(self) -> bool:
        """Whether the bill also has charges of providers other than AWS."""
        return self.aws_engine not in (None, self.engine)

    def rate_for(self, owners: Owners) -> Rate:
        """Return the exchange rate that converts thresholds in USD to the bill's currency."""
        return self.rate or rate_of(self.currency, rates=owners.exchange_rates)


def bill_to_scan(bill: Bill, *, owners: Owners, hourly: HourlyCharges | None = None) -> BillToScan:
    """Return what a scan reads of an open bill."""
    return BillToScan(
        bill.engine,
        as_of=bill.as_of,
        currency=bill.summary.currency,
        aws_engine=bill.aws_engine,
        rate=bill.summary.rate(owners),
        names=bill.summary.names,
        parts=bill.summary.parts,
        hourly=hourly,
    )
