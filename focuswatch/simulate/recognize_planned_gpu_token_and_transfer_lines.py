"""Predicates on the lines of a plan: instance hours, GPUs, tokens, internet transfer, training."""

import re

from focuswatch.simulate.planned_charge_line import Line

GPU = re.compile(r"[-:.](?:p[2-9][a-z]*|g[3-9][a-z]*|inf[0-9]+|trn[0-9]+|dl[0-9]+)(?:-[a-z0-9]+)?\.")
INSTANCE_HOURS = re.compile(
    r"BoxUsage:|SpotUsage:|(?:Host|Train|TrSpt|Notebk|Studio|Processing|Tsform|AsyncInf):"
)


def sku(line: Line) -> str:
    return line.meter.sku_meter(line.region)


def is_instance_hours(line: Line) -> bool:
    return INSTANCE_HOURS.search(sku(line)) is not None


def is_gpu(line: Line) -> bool:
    return is_instance_hours(line) and GPU.search(sku(line)) is not None


def is_bedrock(line: Line) -> bool:
    return "Bedrock" in line.meter.service


def is_internet_out(line: Line) -> bool:
    return sku(line).endswith("DataTransfer-Out-Bytes") and not is_edge(line)


def is_edge(line: Line) -> bool:
    """Return whether the line's region is that of its viewers, and not one that the account chose."""
    return line.meter.service == "Amazon CloudFront"


def is_tokens(line: Line) -> bool:
    return is_bedrock(line) and "token" in sku(line).lower()


def is_on_demand_training(line: Line) -> bool:
    return "Train:" in sku(line) and line.commitment is None
