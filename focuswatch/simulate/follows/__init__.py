"""What follows from the plan: the truth, worked out from its lines without noise.

Whatever an incident sets off besides itself is in it too, and nothing that the lines do not bear out.
"""

from dataclasses import replace

from focuswatch.simulate.follows.bursts import intrusions
from focuswatch.simulate.follows.causes import with_causes
from focuswatch.simulate.follows.facts import Facts
from focuswatch.simulate.follows.idle import waste
from focuswatch.simulate.follows.intents import intents
from focuswatch.simulate.follows.jumps import cost_jumps
from focuswatch.simulate.follows.machines import machines
from focuswatch.simulate.follows.news import first_charges
from focuswatch.simulate.follows.stewardship import keeping
from focuswatch.simulate.follows.tokens import tokens
from focuswatch.simulate.follows.units import unit_costs
from focuswatch.simulate.plan import Plan
from focuswatch.simulate.truth import Truth, reconcile

__all__ = ["truth_of"]


def truth_of(plan: Plan) -> Truth:
    """What a scan of the plan's bill must, must not and may report."""
    facts = Facts(plan)
    spent = [*machines(facts), *tokens(facts), *unit_costs(facts), *cost_jumps(facts)]
    kept = [*keeping(facts), *intents(facts)]
    derived = [*waste(facts), *first_charges(facts), *intrusions(facts), *kept, *spent]
    truth = reconcile(plan.intents, derived, calendar=plan.calendar)
    return replace(
        truth, incidents=with_causes(truth.incidents, facts), either=with_causes(truth.either, facts)
    )
