"""Prices in us-east-1 of every meter that the simulator writes: of instances here, of all others in `prices.csv`.

The column `source` states where a price comes from: `list` is AWS's price list or a bill quoted in public code, read in
2026; `page` is the service's pricing page under https://aws.amazon.com/pricing/, written from memory and not verified;
`invented` is only plausible. The column `meter` is a template: see `Meter` in
billing_meter_record_and_region_price_factors.
"""

import csv
from functools import cache
from pathlib import Path

from focuswatch.simulate.billing_meter_record_and_region_price_factors import AWS, Meter

EC2 = "Amazon Elastic Compute Cloud"
S3 = "Amazon Simple Storage Service"
RDS = "Amazon Relational Database Service"
AGENTCORE = "Amazon Bedrock AgentCore"
SAGEMAKER = "Amazon SageMaker"
OPENSEARCH = "Amazon OpenSearch Service"

PRIVATE_RATES = {EC2: 0.96, S3: 0.97, RDS: 0.95}  # negotiated price / list price; invented
SPOT_RATE = 0.35  # Spot price / On-Demand price; invented
# USD per hour, On-Demand, Linux; source `page`: https://aws.amazon.com/ec2/pricing/on-demand/
INSTANCES = {
    "t4g.nano": 0.0042,
    "m6i.large": 0.096,
    "m6i.2xlarge": 0.384,
    "c6i.xlarge": 0.17,
    "c6i.4xlarge": 0.68,
    "r6i.xlarge": 0.252,
    "m7g.xlarge": 0.1632,
    "g4dn.xlarge": 0.526,
    "g5.xlarge": 1.006,
    "g5.12xlarge": 5.672,
    "g6.xlarge": 0.8048,
    "p4d.24xlarge": 21.96,
    "p5.48xlarge": 55.04,
}
MANAGED_SPOT_RATE = 0.3  # price of managed Spot training / On-Demand price; invented
# USD per hour; source `list` for m5 and g5.2xlarge, `page` for the others: https://aws.amazon.com/sagemaker/pricing/
ML_INSTANCES = {
    "ml.t3.medium": 0.05,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.c5.xlarge": 0.204,
    "ml.g5.2xlarge": 1.515,
    "ml.g5.12xlarge": 7.09,
    "ml.p4d.24xlarge": 25.25,
}


@cache
def meters() -> dict[str, Meter]:
    """Return every meter of the table by its key."""
    with (Path(__file__).parent / "prices.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: _meter(row) for row in csv.DictReader(file)}


def _meter(row: dict[str, str]) -> Meter:
    return Meter(
        service=row["service"],
        code=row["code"],
        category=row["category"],
        subcategory=row["subcategory"],
        meter=row["meter"],
        operation=row["operation"],
        unit=row["unit"],
        price=float(row["price"]),
        description=row["description"],
        source=row["source"],
        older=row["older"] == "yes",
        publisher=row["publisher"] or AWS,
    )


def ec2(instance: str, *, spot: bool = False) -> Meter:
    price = INSTANCES[instance] * (SPOT_RATE if spot else 1.0)
    return Meter(
        service=EC2,
        code="AmazonEC2",
        category="Compute",
        subcategory="Virtual Machines",
        meter=f"{{p}}{'SpotUsage' if spot else 'BoxUsage'}:{instance}",
        operation="RunInstances:SV001" if spot else "RunInstances",
        unit="Hours",
        price=price,
        description=f"${price:.4f} per {'Spot' if spot else 'On Demand'} Linux {instance} Instance Hour",
        source="page",
        older=True,
        details={"InstanceType": instance, "OperatingSystem": "Linux"},
    )


def sagemaker(kind: str, instance: str) -> Meter:
    """Return a SageMaker meter; `kind` is the first word of its usage type: Host, Train, TrSpt, Notebk, Studio, …"""
    price = ML_INSTANCES[instance] * (MANAGED_SPOT_RATE if kind == "TrSpt" else 1.0)
    return Meter(
        service=SAGEMAKER,
        code="AmazonSageMaker",
        category="AI and Machine Learning",
        subcategory="AI Platforms",
        meter=f"{{p}}{kind}:{'JupyterLab-' if kind == 'Studio' else ''}{instance}",
        operation="RunInstance",
        unit="Hrs",
        price=price,
        description=f"${price:.4f} per {kind} {instance} hour",
        source="page",
        details={"InstanceType": instance},
    )


def fee(service: str, *, code: str, meter: str, description: str) -> Meter:
    """Return the meter of a commitment's fee, at 1 USD per unit."""
    return Meter(
        service=service,
        code=code,
        category="Compute",
        subcategory="Other (Compute)",
        meter=meter,
        operation="None",
        unit="Hrs",
        price=1.0,
        description=description,
        source="invented",
    )
