"""Package diagram and structural rules, read from the product's own imports.

`python -m tests.architecture` prints the diagram; with `--write` it replaces the one in docs/architecture.md.
"""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ROOT / "focuswatch"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- diagram: written by `make diagram` -->", "<!-- /diagram -->"
# The same job for different channels: `slack/client.py` and `jira/client.py`.
SAME_JOB = {"client", "deliver", "__init__"}


@dataclass(frozen=True)
class Module:
    """A module of the product: its dotted name, its source, and the modules that it imports."""

    name: str
    tree: ast.Module
    at_start: frozenset[str]  # imported when the module is imported
    at_all: frozenset[str]  # imported at any time, types left out

    @property
    def package(self) -> str:
        """The top-level package, e.g. `ledger` of `focuswatch.ledger.decide`; the module itself at the top."""
        return self.name.split(".")[1] if "." in self.name else self.name


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the product."""
    names = {_dotted(path): path for path in sorted(PRODUCT.rglob("*.py"))}
    return tuple(_read(name, path, names.keys()) for name, path in names.items())


def package_imports(*, at_start: bool = False) -> Mapping[tuple[str, str], int]:
    """Return how many modules of one top-level package import another package."""
    counts: Counter[tuple[str, str]] = Counter()
    for module in modules():
        imported = module.at_start if at_start else module.at_all
        counts.update({(module.package, _package(other)) for other in imported if _package(other)})
    return {pair: count for pair, count in counts.items() if pair[0] != pair[1]}


def cycles(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the groups of nodes that import each other, each sorted; an empty list where there is none."""
    follows: dict[str, set[str]] = defaultdict(set)
    for here, there in edges:
        follows[here].add(there)
    reached = {node: _reachable(node, follows) for node in follows}
    groups = {
        tuple(sorted(other for other in reached[node] if node in reached.get(other, ())))
        for node in follows
        if node in reached[node]
    }
    return [list(group) for group in sorted(groups)]


def module_imports() -> list[tuple[str, str]]:
    """Return the pairs of modules of which the first imports the second when it is imported."""
    return [(module.name, other) for module in modules() for other in sorted(module.at_start)]


def shared_class_names() -> dict[str, list[str]]:
    """Return the public class names that more than one module defines."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module.name)
    return {name: found for name, found in places.items() if len(found) > 1}


def shared_module_names() -> dict[str, list[str]]:
    """Return the module names that stand in more than one folder and do not do the same job there."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        if path.stem not in SAME_JOB:
            places[path.stem].append(str(path.relative_to(ROOT)))
    return {name: found for name, found in places.items() if len(found) > 1}


def diagram() -> str:
    """Return the Mermaid diagram of the top-level packages; an arrow points to what is imported."""
    edges = sorted(package_imports())
    nodes = sorted({node for edge in edges for node in edge if node != "errors"})
    lines = [f"    {node}" for node in nodes]
    lines += [f"    {here} --> {there}" for here, there in _reduced(edges) if there != "errors"]
    return "\n".join(("```mermaid", "flowchart TD", *lines, "```"))


def page_with_diagram(text: str) -> str:
    """Return docs/architecture.md with the diagram as the code has it now."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE.name} has no {BEGIN} … {END}")
    return pattern.sub(lambda _: f"{BEGIN}\n{diagram()}\n{END}", text)


def _reduced(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out what follows from other arrows, so that the picture can be read; cycles keep theirs."""
    kept = list(edges)
    for edge in sorted(kept):
        rest = [other for other in kept if other != edge]
        follows: dict[str, set[str]] = defaultdict(set)
        for here, there in rest:
            follows[here].add(there)
        if edge[1] in _reachable(edge[0], follows):
            kept = rest
    return kept


def _reachable(start: str, follows: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(follows.get(start, ()))
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting.extend(follows.get(node, ()))
    return seen


def _read(name: str, path: Path, names: Iterable[str]) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = set(names)
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    later = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(block)
    }
    start, everything = set[str](), set[str]()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        targets = {target for target in _targets(node, known) if target != name}
        everything |= targets
        if id(node) not in later:
            start |= targets
    return Module(name, tree, frozenset(start), frozenset(everything))


def _targets(node: ast.AST, known: set[str]) -> set[str]:
    match node:
        case ast.Import(names=names):
            return {one.name for one in names if one.name in known}
        case ast.ImportFrom(module=str(module), names=names, level=0):
            parts = {f"{module}.{one.name}" for one in names} & known
            return parts or ({module} & known)
    return set()


def _package(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page_with_diagram(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        print(diagram())
