"""Plant all kinds of incidents in order. To add a kind, write a function and list it here."""

from collections.abc import Callable

from focuswatch.simulate.incidents_and_lookalikes.accounts_missing_from_newest_bill_days import (
    plant_missing_accounts,
)
from focuswatch.simulate.incidents_and_lookalikes.batchable_tokens import plant_batchable
from focuswatch.simulate.incidents_and_lookalikes.cost_anomalies import plant_anomalies
from focuswatch.simulate.incidents_and_lookalikes.egress_spikes import plant_transfers
from focuswatch.simulate.incidents_and_lookalikes.extended_support import plant_extended_support
from focuswatch.simulate.incidents_and_lookalikes.gpu_bursts import plant_gpu_bursts
from focuswatch.simulate.incidents_and_lookalikes.idle_bedrock_throughput_and_custom_models import (
    plant_custom_models,
    plant_provisioned_throughput,
)
from focuswatch.simulate.incidents_and_lookalikes.idle_minimum_charge_services import plant_minimum_charges
from focuswatch.simulate.incidents_and_lookalikes.idle_sagemaker_endpoints import plant_endpoints
from focuswatch.simulate.incidents_and_lookalikes.new_regions import plant_regions
from focuswatch.simulate.incidents_and_lookalikes.new_services import plant_services
from focuswatch.simulate.incidents_and_lookalikes.on_demand_training import plant_trainings
from focuswatch.simulate.incidents_and_lookalikes.orphaned_opensearch_collections import plant_collections
from focuswatch.simulate.incidents_and_lookalikes.orphaned_volumes import plant_volumes
from focuswatch.simulate.incidents_and_lookalikes.overdue_and_over_budget_use_cases import (
    plant_budgets,
    plant_experiments,
)
from focuswatch.simulate.incidents_and_lookalikes.reached_use_case_spend_caps import plant_spend_caps
from focuswatch.simulate.incidents_and_lookalikes.reactivated_accounts import plant_dormant_accounts
from focuswatch.simulate.incidents_and_lookalikes.recommendations import plant_recommendations
from focuswatch.simulate.incidents_and_lookalikes.stopped_security_services import (
    plant_stopped_security_services,
)
from focuswatch.simulate.incidents_and_lookalikes.token_bursts import plant_token_bursts
from focuswatch.simulate.incidents_and_lookalikes.unannounced_ai_launches import plant_ai_launches
from focuswatch.simulate.incidents_and_lookalikes.uncached_prompts_unread_caches import (
    plant_uncached_prompts,
    plant_unread_caches,
)
from focuswatch.simulate.incidents_and_lookalikes.underutilized_commitments import plant_commitments
from focuswatch.simulate.incidents_and_lookalikes.underutilized_gpus import plant_gpu_utilization
from focuswatch.simulate.incidents_and_lookalikes.unit_cost_increases import plant_unit_costs
from focuswatch.simulate.incidents_and_lookalikes.untagged_ai_spend import plant_untagged
from focuswatch.simulate.incidents_and_lookalikes.unused_kiro_seats import plant_seats
from focuswatch.simulate.incidents_and_lookalikes.use_case_rule_violations import plant_policy_violations
from focuswatch.simulate.planned_bill import BillPlan

KINDS: dict[str, Callable[[BillPlan], None]] = {
    "untagged_ai_spend": plant_untagged,  # first: few accounts have neither a team nor Bedrock
    "orphaned_opensearch_collection": plant_collections,
    "idle_sagemaker_endpoint": plant_endpoints,
    "idle_bedrock_provisioned_throughput": plant_provisioned_throughput,
    "idle_custom_model": plant_custom_models,
    "idle_floor_service": plant_minimum_charges,
    "abandoned_volume": plant_volumes,
    "unused_commitment": plant_commitments,
    "data_transfer_spike": plant_transfers,  # before gpu_burst: needs an account without GPUs
    "gpu_burst": plant_gpu_bursts,
    "new_region": plant_regions,
    "new_service": plant_services,
    "dormant_account_woke": plant_dormant_accounts,
    "security_service_went_dark": plant_stopped_security_services,
    "stale_export": plant_missing_accounts,
    "on_demand_training": plant_trainings,
    "underused_gpu": plant_gpu_utilization,
    "realtime_batchable": plant_batchable,
    "uncached_prompts": plant_uncached_prompts,
    "unread_prompt_cache": plant_unread_caches,
    "unit_cost_regression": plant_unit_costs,
    "token_burst": plant_token_bursts,  # after all other tokens: sizes depend on the account's usage
    "cost_anomaly": plant_anomalies,  # after all large charges: sizes depend on the account's cost
    "experiment_overdue": plant_experiments,
    "budget_pace": plant_budgets,
    "spend_cap": plant_spend_caps,
    "policy_violation": plant_policy_violations,
    "unannounced_ai_launch": plant_ai_launches,  # after all other AI: needs accounts without AI
    # The kinds below draw no random numbers, so that they do not change the rest of the bill.
    "idle_ai_seat": plant_seats,
    "extended_support": plant_extended_support,
    "aws_recommendation": plant_recommendations,  # for resources that are already charged
}


def plant(plan: BillPlan) -> None:
    for plant_kind in KINDS.values():
        plant_kind(plan)
