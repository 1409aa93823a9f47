"""Charges of one export in several billing currencies, converted to one, as bills of several currencies are.

A payer that changes its currency, or files of several payers in one folder, have such charges. The files and what was
kept of them stay in their own currencies: only the views over them convert.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from focuswatch.bill.refresh.period_facts_and_grain import PeriodFacts
from focuswatch.bill.refresh.refresh_index import Unit
from focuswatch.engines.sql_values import literal
from focuswatch.errors import ConfigError
from focuswatch.findings.exchange_rates import USD, Rates, rate_of

MONEY = ("BilledCost", "EffectiveCost")
CURRENCY = "BillingCurrency"


@dataclass(frozen=True)
class Conversion:
    """The currency in which an export is read, and the factor for each of its other currencies.

    `per_usd` is the export's own rate of that currency. `notes` state each conversion.
    """

    currency: str
    factors: Mapping[str, float] = field(default_factory=dict)
    per_usd: float | None = None
    notes: tuple[str, ...] = ()

    def select(self, statement: str, columns: Iterable[str]) -> str:
        """Return a SELECT of `columns` over `statement`, with its money in one currency."""
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
        """Return the units with the sums of their facts in one currency."""
        return {name: self._unit(unit) for name, unit in units.items()} if self.factors else dict(units)

    def _unit(self, unit: Unit) -> Unit:
        return unit.model_copy(update={"facts": tuple(map(self._fact, unit.facts))})

    def _fact(self, fact: PeriodFacts) -> PeriodFacts:
        factor = self.factors.get(fact.currency or "")
        if factor is None:
            return fact
        return fact.model_copy(update={"billed_cost": fact.billed_cost * factor, "currency": self.currency})


def conversion_of(source: str, units: Iterable[Unit], *, rates: Rates) -> Conversion:
    """Return how the charges of an export are read in one currency: US dollars, if it has any, else that of the most.

    Raises ConfigError if there is no exchange rate for one of several currencies. `rates` are those in owners.toml.
    """
    units = list(units)
    charges: dict[str, int] = {}
    for fact in (fact for unit in units for fact in unit.facts):
        if fact.currency is not None:
            charges[fact.currency] = charges.get(fact.currency, 0) + fact.charges
    # Not by charges alone: the currency of findings must not change with the next delivery.
    currency = USD if USD in charges else min(charges, key=lambda code: (-charges[code], code))
    found = {code: rate_of(code, rates=rates, of_bill=_newest_rate(code, units)) for code in sorted(charges)}
    if len(found) > 1 and (without := [code for code, rate in found.items() if not rate.source]):
        raise ConfigError(
            f"{source}: charges are billed in {' and '.join(found)}, but there is no exchange rate for "
            f"{' and '.join(without)}. Set {' and '.join(without)} under [exchange_rates] in owners.toml, or scan the "
            "files of each currency separately."
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
    """Return the rate of the unit with the newest charges, among those that have one."""
    priced = [unit for unit in units if currency in unit.rates and unit.facts]
    newest = max(priced, key=lambda unit: max(fact.last_charge_date for fact in unit.facts), default=None)
    return newest.rates[currency] if newest else None
