"""Summarize several bills that are read as one."""

import hashlib
from collections.abc import Iterator, Sequence

from focuswatch.bill.aws_only_views_and_other_provider_warning import other_providers_warning
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.exchange_rate_and_double_charge_notes import conversion_note
from focuswatch.bill.refresh.local_refresh import LocalRefresh
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate


def joint_summary(
    names: Sequence[str], refreshed: Sequence[LocalRefresh], rates: Sequence[Rate]
) -> BillSummary:
    """Return the summary of all bills, in the currency of the first. Raises ConfigError without an exchange rate."""
    summaries = [one.summary for one in refreshed]
    own = [f"{name}: {note}" for name, one in zip(names, summaries, strict=True) for note in one.conversions]
    converted = (*own, *_conversions(names, rates))
    own_notes = [
        f"{name}: {warning}"
        for name, one in zip(names, summaries, strict=True)
        for warning in one.warnings
        if warning != one.other_providers and warning not in one.conversions
    ]
    charges = sum(one.charges for one in summaries)
    others = other_providers_warning((one.others for one in refreshed), charges=charges)
    digest = "\n".join(
        f"{name}\t{one.data_digest}\t{rate.per_usd}"
        for name, one, rate in zip(names, summaries, rates, strict=True)
    )
    return BillSummary(
        currency=rates[0].currency,
        first_charge_date=min(one.first_charge_date for one in summaries),
        last_charge_date=max(one.last_charge_date for one in summaries),
        charges=charges,
        data_digest=hashlib.sha256(digest.encode("utf-8", "surrogateescape")).hexdigest(),
        warnings=(*own_notes, *converted, *([others] if others else [])),
        other_providers=others,
        per_usd=summaries[0].per_usd,
        conversions=converted,
    )


def _conversions(names: Sequence[str], rates: Sequence[Rate]) -> Iterator[str]:
    """Yield a note for each bill whose money is converted. Raises ConfigError if there is no rate."""
    for name, rate in zip(names, rates, strict=True):
        if note := conversion_note(name, rate, main_name=names[0], main=rates[0]):
            yield note
