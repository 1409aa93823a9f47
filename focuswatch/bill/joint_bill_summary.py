"""Summarize several bills that are read as one, with notes on exchange rates and on charges in two bills."""

import hashlib
from collections.abc import Iterator, Sequence

from focuswatch.bill.aws_only_charges import sentence
from focuswatch.bill.bill_summary import BillSummary
from focuswatch.bill.joint_tables import RefreshedBill
from focuswatch.bill.refresh.local_refresh import LocalRefresh
from focuswatch.errors import ConfigError
from focuswatch.findings.exchange_rates import Rate

# Provider names in the bill of an AI gateway, by the provider whose own bill contains the same charges.
RESOLD = {
    "AWS": ("bedrock", "sagemaker", "aws_polly"),
    "Microsoft": ("azure", "azure_ai", "azure_text"),
    "Google Cloud": ("vertex_ai", "gemini"),
}


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
    others = sentence((one.others for one in refreshed), charges=charges)
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


def conversion_note(name: str, rate: Rate, *, main_name: str, main: Rate) -> str | None:
    """Return a note about the rate at which a bill is converted; None if it has the currency of the main bill.

    Raises ConfigError if there is no rate.
    """
    if rate.currency == main.currency:
        return None
    for needed in (rate, main):
        if not needed.source:
            raise ConfigError(
                f"The bill {name} is in {rate.currency} and the bill {main_name} is in {main.currency}, but there "
                "is no exchange "
                f"rate for {needed.currency}. Set {needed.currency} under [exchange_rates] in owners.toml."
            )
    return (
        f"amounts in the bill {name} are converted from {rate.currency} to {main.currency}: "
        f"{rate.conversion_to(main)}"
    )


def resold_notes(bills: Sequence[RefreshedBill]) -> Iterator[str]:
    """Yield a note for each gateway bill whose charges may be counted twice, because the provider also bills them."""
    own = {provider: bill.name for bill in bills for provider in bill.others}
    of_aws = [bill.name for bill in bills if bill.has_aws and not bill.others.intersection(*RESOLD.values())]
    if of_aws:
        own["AWS"] = of_aws[0]
    for provider, names in RESOLD.items():
        for bill in bills:
            resold = sorted(bill.others.intersection(names))
            if resold and own.get(provider, bill.name) != bill.name:
                yield (
                    f"the bill {bill.name} contains charges for {', '.join(resold)}, and the bill {own[provider]} may "
                    "contain the same charges. Charges that are in both bills are counted twice; remove these charges "
                    "from one bill"
                )
