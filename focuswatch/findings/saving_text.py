"""Format the saving of a resolved finding as text: expected, or verified on the bill."""

from focuswatch.findings.decimal_money_type_and_rounding import to_cents
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import money_text
from focuswatch.findings.verified_saving_record import VerifiedSaving


def saving_text(finding: Finding) -> str | None:
    """Return the savings of a resolved finding, expected or verified on the bill; None if it had none."""
    if finding.verified_saving is not None:
        return _verified_saving(finding, finding.verified_saving)
    if finding.category != "waste":
        return None
    return (
        f"Expected savings: {money_text(finding, finding.monthly_cost)}/month. focuswatch will verify the savings "
        "on the bill."
    )


def _verified_saving(finding: Finding, saving: VerifiedSaving) -> str:
    saved, expected, cost = (
        f"{money_text(finding, value)}/day"
        for value in (saving.daily_saving, saving.expected_daily_saving, saving.daily_cost)
    )
    if to_cents(saving.daily_saving) <= 0:
        return (
            f"The bill shows no savings since {saving.since}: the cost is still {cost} ({saving.measured_from} to "
            f"{saving.measured_until}). Expected savings: {expected}."
        )
    text = f"Verified on the bill: {saved} saved since {saving.since}."
    return text if saving.is_full else f"{text} Expected savings: {expected}; still charged: {cost}."
