"""Random charges with invoices: amounts below a cent, credits, refunds, tax, and charges without a team."""

from datetime import date
from random import Random

from tests.given.exports import Row

MAY = date(2026, 5, 1)
TYPES = {"InvoiceId": "VARCHAR", "ChargeClass": "VARCHAR", "ChargeFrequency": "VARCHAR"}
KINDS = [
    ("Usage", None, "Usage-Based"),
    ("Purchase", None, "One-Time"),
    ("Usage", None, "Recurring"),
    ("Tax", None, "Usage-Based"),
    ("Credit", None, "Usage-Based"),
    ("Usage", "Correction", "Usage-Based"),
    ("Adjustment", None, "One-Time"),
]
AMOUNTS = (0.005, 0.0049999999, -0.005, 0.0, 1e-9, 0.1 + 0.2, 123456.789, 33.335)


def random_charges(random: Random) -> list[Row]:
    """Return rows for tests.given.exports; at least one has an invoice and one has none."""
    return [_charge(random, number) for number in range(random.randint(10, 120))]


def _charge(random: Random, number: int) -> Row:
    category, class_, frequency = random.choice(KINDS)
    amount = random.choice([*AMOUNTS, random.uniform(0, 500), random.expovariate(20)])
    if category == "Credit" or class_:
        amount = -amount
    return {
        "BilledCost": repr(amount),
        "EffectiveCost": repr(amount),
        "ChargeCategory": category,
        "ChargeClass": class_,
        "ChargeFrequency": frequency,
        "InvoiceId": ("INV-1", None)[number]
        if number < 2
        else random.choice(["INV-1", "INV-2", "MP-3", None]),
        "ServiceName": random.choice(["Amazon EC2", "AWS Support", "Amazon Bedrock", None]),
        "SubAccountId": random.choice(["111122223333", "999900001111", "555566667777", None]),
        "Tags": random.choice(["{team=ml}", "{team=platform}", "{team=unknown}", "{}", None]),
    }
