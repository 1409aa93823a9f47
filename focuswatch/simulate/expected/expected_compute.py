"""What follows for training and GPUs: hours that could have been cheaper, and hours nobody used."""

from collections.abc import Iterator

import numpy as np

from focuswatch.simulate.charge_lines import Days, Line
from focuswatch.simulate.expected.line_facts import Facts, is_gpu, sku, total
from focuswatch.simulate.expected.lookback_windows import judged, windows
from focuswatch.simulate.list_prices import SAGEMAKER
from focuswatch.simulate.planted_truth import Incident

TRAINING_DAYS = 30
LOOKBACK = 7
GPUS = {"12xlarge": 4, "24xlarge": 8, "48xlarge": 8}  # of the instances the simulator runs
OF_ALL_GPUS = "GPUUtilization"
OF_ONE_GPU = "nvidia_smi_utilization_gpu"


def machines(facts: Facts) -> list[Incident]:
    """Regions that train on demand, and GPUs that stand still."""
    return [*_trainings(facts), *_gpus(facts)]


def _on_demand(line: Line) -> bool:
    return "Train:" in sku(line) and line.commitment is None


def _trainings(facts: Facts) -> Iterator[Incident]:
    """Near the thresholds (100 a month, as much spot, four days) it is open to argument."""
    for (account, region), charged in facts.by_place(lambda line: _on_demand(line) or "TrSpt:" in sku(line)):
        long = [one for one in charged if _on_demand(one.line) and one.quantities.sum() >= 1.0]
        if not long:
            continue
        costs, spot = total(long, costs=True), [one for one in charged if "TrSpt:" in sku(one.line)]
        hours, monthly = windows(total(long), TRAINING_DAYS), windows(costs, TRAINING_DAYS)
        on_spot = windows(total(spot), TRAINING_DAYS) if spot else np.zeros_like(hours)
        days = np.round(windows((total(long) > 0).astype(float), TRAINING_DAYS))
        clear = (monthly >= 112) & (hours > 1.2 * on_spot) & (days >= 4)
        doubtful = (monthly >= 90) & (hours > 0.8 * on_spot) & (days >= 4)
        identity = (account, region, SAGEMAKER, None)
        yield from judged(facts, "on_demand_training", identity, clear=clear, doubtful=doubtful, costs=costs)


def _gpus(facts: Facts) -> Iterator[Incident]:
    """Busy less than 20 % on every day of a lookback: the simulator plans nothing in between."""
    for identity, charged in facts.by_resource(_reports_its_gpus):
        utilization = _utilization(facts, charged[0].line)
        if utilization is None or _uncalled(facts, charged[0].line):
            continue
        still = (total(charged) > 0) & (utilization < 20)
        flags = np.round(windows(still.astype(float), LOOKBACK)) == LOOKBACK
        costs = total(charged, costs=True)
        yield from judged(
            facts, "underused_gpu", identity, clear=flags, doubtful=flags, costs=costs, acquitted_at_once=True
        )


def _reports_its_gpus(line: Line) -> bool:
    return is_gpu(line) and ("Host:" in sku(line) or "Usage:" in sku(line))


def _utilization(facts: Facts, line: Line) -> Days | None:
    """Percent of one GPU by day; None where nobody looked."""
    gpus = next((count for size, count in GPUS.items() if sku(line).endswith(size)), 1)
    for watch in facts.plan.watches:
        if watch.resource == line.resource and watch.metric in (OF_ALL_GPUS, OF_ONE_GPU):
            shared = gpus if watch.metric == OF_ALL_GPUS else 1
            return np.array([watch.value(facts.day(index)) / shared for index in range(facts.calendar.days)])
    return None


def _uncalled(facts: Facts, line: Line) -> bool:
    watches = (one for one in facts.plan.watches if one.resource == line.resource)
    calls = [one for one in watches if one.metric == "Invocations"]
    return bool(calls) and all(one.daily == 0 and not any(one.on.values()) for one in calls)
