"""Word the notes about several bills that are read as one: on exchange rates, and on charges in two bills."""

from collections.abc import Iterator, Sequence

from focuswatch.bill.union_tables_of_several_bills import RefreshedBill
from focuswatch.errors import ConfigError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate

# Provider names in the bill of an AI gateway, by the provider whose own bill contains the same charges.
RESOLD = {
    "AWS": ("bedrock", "sagemaker", "aws_polly"),
    "Microsoft": ("azure", "azure_ai", "azure_text"),
    "Google Cloud": ("vertex_ai", "gemini"),
}


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
                f"is no exchange rate for {needed.currency}. Set the exchange rate for {needed.currency} under "
                "[exchange_rates] in owners.toml."
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
