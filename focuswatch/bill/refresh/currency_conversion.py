"""Convert the charges of one export in several billing currencies to one currency.

An export has several currencies if a payer changed its currency, or if a folder contains files of several payers. The
files and the tables stored for them stay in their own currencies; only the views over them convert.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit
from focuswatch.bill.refresh.query_period_facts_and_export_grain import PeriodFacts
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ConfigError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD, Rates, rate_of

MONEY = ("BilledCost", "EffectiveCost")
CURRENCY = "BillingCurrency"


@dataclass(frozen=True)
class Conversion:
    """The currency in which an export is read, and the factor for each of its other currencies.

    `per_usd` is the export's own rate of `currency` for one US dollar. `notes` describe each conversion.
    """

    currency: str
    factors: Mapping[str, float] = field(default_factory=dict)
    per_usd: float | None = None
    notes: tuple[str, ...] = ()

    def select(self, statement: str, columns: Iterable[str]) -> str:
        """Return a SELECT of `columns` over `statement`, with all amounts in one currency."""
        if not self.factors:
            return statement
        cases = " ".join(f"WHEN {literal(code)} THEN {factor!r}" for code, factor in self.factors.items())
        listed = ", ".join(literal(code) for code in self.factors)
        values = {name: f"{name} * CASE {CURRENCY} {cases} ELSE 1.0 END" for name in MONEY}
        values[CURRENCY] = (
            f"CASE WHEN {CURRENCY} IN ({listed}) THEN {literal(self.currency)} ELSE {CURRENCY} END"
        )
        selected = ", ".join(f"{values[name]} AS {name}" if name in values else name for name in columns)
        return f"SELECT {selected} FROM ({statement})"

    def units(self, units: Mapping[str, Unit]) -> dict[str, Unit]:
        """Return the units with the costs in their facts converted to one currency."""
        return {name: self._unit(unit) for name, unit in units.items()} if self.factors else dict(units)

    def _unit(self, unit: Unit) -> Unit:
        return unit.model_copy(update={"facts": tuple(map(self._fact, unit.facts))})

    def _fact(self, fact: PeriodFacts) -> PeriodFacts:
        factor = self.factors.get(fact.currency or "")
        if factor is None:
            return fact
        return fact.model_copy(update={"billed_cost": fact.billed_cost * factor, "currency": self.currency})


def conversion_of(source: str, units: Iterable[Unit], *, rates: Rates) -> Conversion:
    """Return the conversion of an export to one currency: USD if any charge is in USD, else that of most charges.

    Raises ConfigError if there is no exchange rate for one of several currencies. `rates` are those in owners.toml.
    """
    units = list(units)
    charges: dict[str, int] = {}
    for fact in (fact for unit in units for fact in unit.facts):
        if fact.currency is not None:
            charges[fact.currency] = charges.get(fact.currency, 0) + fact.charges
    # USD takes precedence over the number of charges, so that a delivery seldom changes the currency of findings.
    currency = USD if USD in charges else min(charges, key=lambda code: (-charges[code], code))
    found = {code: rate_of(code, rates=rates, of_bill=_newest_rate(code, units)) for code in sorted(charges)}
    if len(found) > 1 and (without := [code for code, rate in found.items() if not rate.source]):
        raise ConfigError(
            f"{source}: charges are billed in {' and '.join(found)}, but there is no exchange rate for "
            f"{' and '.join(without)}. Set the exchange rate for {' and '.join(without)} under [exchange_rates] in "
            "owners.toml, or scan the files of each currency separately."
        )
    main = found.pop(currency)
    return Conversion(
        currency,
        factors={code: rate.factor_to(main) for code, rate in found.items()},
        per_usd=_newest_rate(currency, units),
        notes=tuple(
            f"amounts in {rate.currency} are converted to {main.currency}: {rate.conversion_to(main)}"
            for rate in found.values()
        ),
    )


def _newest_rate(currency: str, units: Iterable[Unit]) -> float | None:
    """Return the rate in the unit with the newest charges, among the units that have a rate of the currency."""
    priced = [unit for unit in units if currency in unit.rates and unit.facts]
    newest = max(priced, key=lambda unit: max(fact.last_charge_date for fact in unit.facts), default=None)
    return newest.rates[currency] if newest else None
