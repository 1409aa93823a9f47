"""Every kind of incident, in the order it is planted; a new one is a function and a line here."""

from collections.abc import Callable

from focuswatch.simulate.plan import Plan
from focuswatch.simulate.planted.anomalies import plant_anomalies
from focuswatch.simulate.planted.commitments import plant_commitments
from focuswatch.simulate.planted.endpoints import plant_endpoints
from focuswatch.simulate.planted.gpus import plant_bursts
from focuswatch.simulate.planted.held import plant_capacities, plant_floors, plant_models
from focuswatch.simulate.planted.intents import plant_experiments, plant_plans
from focuswatch.simulate.planted.ownership import plant_missing, plant_untagged
from focuswatch.simulate.planted.pools import plant_pools
from focuswatch.simulate.planted.regions import plant_regions
from focuswatch.simulate.planted.services import plant_services
from focuswatch.simulate.planted.sleepers import plant_silences, plant_wakings
from focuswatch.simulate.planted.tokens import plant_batchable, plant_token_bursts
from focuswatch.simulate.planted.training import plant_trainings
from focuswatch.simulate.planted.transfers import plant_transfers
from focuswatch.simulate.planted.units import plant_unit_costs
from focuswatch.simulate.planted.utilisation import plant_utilisation
from focuswatch.simulate.planted.volumes import plant_volumes

KINDS: dict[str, Callable[[Plan], None]] = {
    "untagged_ai_spend": plant_untagged,  # first: few accounts have neither a team nor Bedrock
    "orphaned_opensearch_collection": plant_pools,
    "idle_sagemaker_endpoint": plant_endpoints,
    "idle_bedrock_provisioned_throughput": plant_capacities,
    "idle_custom_model": plant_models,
    "idle_floor_service": plant_floors,
    "abandoned_volume": plant_volumes,
    "unused_commitment": plant_commitments,
    "data_transfer_spike": plant_transfers,  # before bursts: it looks for an account without GPUs
    "gpu_burst": plant_bursts,
    "new_region": plant_regions,
    "new_service": plant_services,
    "dormant_account_woke": plant_wakings,
    "security_service_went_dark": plant_silences,
    "stale_export": plant_missing,
    "on_demand_training": plant_trainings,
    "underused_gpu": plant_utilisation,
    "realtime_batchable": plant_batchable,
    "unit_cost_regression": plant_unit_costs,
    "token_burst": plant_token_bursts,  # after all other tokens: its sizes follow what the account uses
    "cost_anomaly": plant_anomalies,  # after all that is large: its sizes follow what the rest comes to
    "experiment_overdue": plant_experiments,
    "budget_pace": plant_plans,
}


def plant(plan: Plan) -> None:
    for plant_kind in KINDS.values():
        plant_kind(plan)
