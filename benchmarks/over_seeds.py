"""Simulate and evaluate the organization of each seed, one after the other, and add up the counts."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from focuswatch.simulate import simulate


def over_seeds(
    seeds: Iterable[int], *, data: Path, evaluate: Callable[[Path], Mapping[str, Counter[str]]]
) -> dict[str, Counter[str]]:
    """Return the sum over seeds of the counts that `evaluate` returns by detection; each bill is deleted afterwards."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in seeds:
        folder = data / f"seed-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        simulate(folder, seed=seed)
        print(f"seed {seed}", flush=True)
        for detection, counts in evaluate(folder).items():
            total[detection].update(counts)
        shutil.rmtree(folder)
    return total
