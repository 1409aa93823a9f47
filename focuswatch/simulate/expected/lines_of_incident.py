"""Determine which lines of the plan an incident of a detection covers."""

from collections.abc import Callable, Mapping

from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import identity_of
from focuswatch.simulate.meter_catalog import SAGEMAKER
from focuswatch.simulate.planned_bill import USE_CASE_TAG, Identity, use_case_identity
from focuswatch.simulate.planned_charge_line import Line
from focuswatch.simulate.recognize_planned_gpu_token_and_transfer_lines import (
    is_edge,
    is_gpu,
    is_internet_out,
    is_on_demand_training,
    is_tokens,
)

LAUNCH = "unannounced_ai_launch"
# Lines that a detection covers if its identity is a whole account or region: None in an identity matches any value.
COST_INCREASES: Mapping[str, Callable[[Line], bool]] = {
    "cost_anomaly": lambda line: not line.monthly,
    "token_burst": is_tokens,
    "unit_cost_regression": lambda line: line.resource is not None or is_tokens(line),
    "gpu_burst": is_gpu,
    "data_transfer_spike": is_internet_out,
    "new_region": lambda line: not is_edge(line),
    "new_service": lambda _: True,
    "dormant_account_woke": lambda line: not line.monthly,
}
OTHERS: Mapping[str, Callable[[Line], bool]] = {
    "on_demand_training": is_on_demand_training,
    "security_service_went_dark": lambda _: True,
    "stale_export": lambda _: True,
    LAUNCH: lambda line: is_tokens(line) or line.meter.service == SAGEMAKER,
}


def is_about(line: Line, detection: str, identity: Identity) -> bool:
    """Return whether an incident with this identity covers the line's charges."""
    if identity[0] is None:
        return identity == use_case_identity(line.tags.get(USE_CASE_TAG, ""))
    wanted = COST_INCREASES.get(detection) or OTHERS.get(detection)
    if wanted is None:
        return identity_of(line) == identity
    if detection == LAUNCH:  # the resource is a model: the only one of its service on the simulated bill
        identity = (*identity[:3], None)
    named = zip(identity, identity_of(line), strict=True)
    return wanted(line) and all(expected in (None, actual) for expected, actual in named)
