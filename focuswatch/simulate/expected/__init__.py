"""What follows from the plan: the truth, worked out from its lines without noise.

Whatever an incident sets off besides itself is in it too, and nothing that the lines do not bear out.
"""

from dataclasses import replace

from focuswatch.simulate.bill_plan import BillPlan
from focuswatch.simulate.expected.expected_anomalies import cost_jumps
from focuswatch.simulate.expected.expected_causes import with_causes
from focuswatch.simulate.expected.expected_compute import machines
from focuswatch.simulate.expected.expected_first_charges import first_charges
from focuswatch.simulate.expected.expected_governance import keeping
from focuswatch.simulate.expected.expected_idle import waste
from focuswatch.simulate.expected.expected_security import intrusions
from focuswatch.simulate.expected.expected_tokens import tokens
from focuswatch.simulate.expected.expected_unit_costs import unit_costs
from focuswatch.simulate.expected.expected_use_cases import intents
from focuswatch.simulate.expected.line_facts import Facts
from focuswatch.simulate.planted_truth import Truth, reconcile

__all__ = ["truth_of"]


def truth_of(plan: BillPlan) -> Truth:
    """What a scan of the plan's bill must, must not and may report."""
    facts = Facts(plan)
    spent = [*machines(facts), *tokens(facts), *unit_costs(facts), *cost_jumps(facts)]
    kept = [*keeping(facts), *intents(facts)]
    derived = [*waste(facts), *first_charges(facts), *intrusions(facts), *kept, *spent]
    truth = reconcile(plan.intents, derived, calendar=plan.calendar)
    return replace(
        truth, incidents=with_causes(truth.incidents, facts), either=with_causes(truth.either, facts)
    )
