"""Compute the expected findings (the truth) of a simulated bill from its plan.

Cost anomalies and first charges depend on all charges of an account, so they are computed here. The other incidents are
stated by the modules that plant them.
"""

from dataclasses import replace

from focuswatch.simulate.expected.combine_and_check_planted_and_computed_incidents import reconcile
from focuswatch.simulate.expected.daily_quantities_and_costs_of_lines import Facts
from focuswatch.simulate.expected.expected_anomalies import cost_anomalies
from focuswatch.simulate.expected.expected_findings_and_costs_of_planted_cases import stated_incidents
from focuswatch.simulate.expected.expected_main_cost_drivers import with_causes
from focuswatch.simulate.expected.expected_new_regions_and_services import first_charges
from focuswatch.simulate.expected.name_incidents_after_main_charge import with_planted_names
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident, Truth

__all__ = ["truth_of"]


def truth_of(plan: BillPlan) -> Truth:
    """Return the incidents that a scan of the plan's bill must, must not and may report."""
    facts = Facts(plan)
    worked_out = [*first_charges(facts), *cost_anomalies(facts)]
    truth = reconcile(plan.cases, worked_out, stated=stated_incidents(facts), calendar=plan.calendar)
    return replace(truth, incidents=_named(truth.incidents, facts), either=_named(truth.either, facts))


def _named(incidents: tuple[Incident, ...], facts: Facts) -> tuple[Incident, ...]:
    return with_planted_names(with_causes(incidents, facts), facts)
