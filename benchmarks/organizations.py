"""Simulated organisations of several seeds, judged one after the other and summed."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from focuswatch.simulate import simulate


def over_seeds(
    seeds: Iterable[int], *, data: Path, judged: Callable[[Path], Mapping[str, Counter[str]]]
) -> dict[str, Counter[str]]:
    """The sum of what `judged` counts by detection, of an organisation of each seed; each is removed again."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for seed in seeds:
        folder = data / f"seed-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        simulate(folder, seed=seed)
        print(f"seed {seed}", flush=True)
        for detection, counts in judged(folder).items():
            total[detection].update(counts)
        shutil.rmtree(folder)
    return total
