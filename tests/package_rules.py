"""Package diagram and structural rules, read from the product's own imports.

`python -m tests.package_rules` prints the diagram. With `--write` it updates docs/architecture.md: the diagram, and the
imports in the table of packages.
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
PACKAGE_ROW = re.compile(r"^(?P<start>\| `(?P<package>\w+)` \|.*\|)(?P<imports>[\w, ]*)\|$", re.MULTILINE)
# Module names that several folders may have, because the modules do the same job for different channels:
# `slack/client.py` and `jira/client.py`.
SAME_JOB = {"client", "deliver", "__init__"}


@dataclass(frozen=True)
class Module:
    """A module of the product: its dotted name, its source, and the modules that it imports."""

    name: str
    tree: ast.Module
    at_start: frozenset[str]  # imported when the module is imported
    at_all: frozenset[str]  # imported at any time, also in functions, but not only for type checking

    @property
    def package(self) -> str:
        """The top-level package, such as `ledger` of `focuswatch.ledger.suppression`; `focuswatch` has itself."""
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
    """Return the groups of nodes that import each other, each sorted; an empty list if there are none."""
    follows: dict[str, set[str]] = defaultdict(set)
    for importer, imported in edges:
        follows[importer].add(imported)
    reached = {node: _reachable(node, follows) for node in follows}
    groups = {
        tuple(sorted(other for other in reached[node] if node in reached.get(other, ())))
        for node in follows
        if node in reached[node]
    }
    return [list(group) for group in sorted(groups)]


def module_imports() -> list[tuple[str, str]]:
    """Return pairs of modules, of which the first imports the second when it is imported itself."""
    return [(module.name, other) for module in modules() for other in sorted(module.at_start)]


def shared_class_names() -> dict[str, list[str]]:
    """Return the public class names that more than one module defines."""
    places: dict[str, list[str]] = defaultdict(list)
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module.name)
    return {name: files for name, files in places.items() if len(files) > 1}


def shared_module_names() -> dict[str, list[str]]:
    """Return the module names that more than one folder has, except those that do the same job in each."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        if path.stem not in SAME_JOB:
            places[path.stem].append(str(path.relative_to(ROOT)))
    return {name: files for name, files in places.items() if len(files) > 1}


def loose_modules() -> list[str]:
    """Return the modules directly in `focuswatch/`, without packages."""
    return sorted(path.stem for path in PRODUCT.glob("*.py") if path.stem != "__init__")


def imports_by_package() -> dict[str, set[str]]:
    """Return the packages that each package imports; the module `errors`, which all may import, is omitted."""
    packages = {path.parent.name for path in PRODUCT.glob("*/__init__.py")}
    imports: dict[str, set[str]] = {package: set() for package in packages}
    for package, imported in package_imports():
        if package in packages and imported in packages:
            imports[package].add(imported)
    return imports


def documented_imports(text: str) -> dict[str, set[str]]:
    """Return the imports that the table of packages in docs/architecture.md lists."""
    rows = PACKAGE_ROW.finditer(text)
    return {row["package"]: set(re.findall(r"\w+", row["imports"])) for row in rows}


def diagram() -> str:
    """Return the Mermaid diagram of the top-level packages; an arrow points to what is imported."""
    edges = sorted(package_imports())
    nodes = sorted({node for edge in edges for node in edge if node != "errors"})
    lines = [f"    {node}" for node in nodes]
    lines += [
        f"    {importer} --> {imported}" for importer, imported in _reduced(edges) if imported != "errors"
    ]
    return "\n".join(("```mermaid", "flowchart TD", *lines, "```"))


def page_with_diagram(text: str) -> str:
    """Return docs/architecture.md with the current diagram and the current imports of each package."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(
            f"{PAGE.name}: expected a diagram between {BEGIN} and {END}, found none; add both lines."
        )
    text = pattern.sub(lambda _: f"{BEGIN}\n{diagram()}\n{END}", text)
    imports = imports_by_package()

    def updated(row: re.Match[str]) -> str:
        return f"{row['start']} {', '.join(sorted(imports.get(row['package'], ())))} |"

    return PACKAGE_ROW.sub(updated, text)


def _reduced(edges: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the edges without those that a path of other edges replaces, so that the diagram stays readable."""
    kept = list(edges)
    for edge in sorted(kept):
        rest = [other for other in kept if other != edge]
        follows: dict[str, set[str]] = defaultdict(set)
        for importer, imported in rest:
            follows[importer].add(imported)
        if edge[1] in _reachable(edge[0], follows):
            kept = rest
    return kept


def _reachable(start: str, follows: Mapping[str, set[str]]) -> set[str]:
    reachable: set[str] = set()
    pending = list(follows.get(start, ()))
    while pending:
        node = pending.pop()
        if node not in reachable:
            reachable.add(node)
            pending.extend(follows.get(node, ()))
    return reachable


def _read(name: str, path: Path, names: Iterable[str]) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    product = set(names)
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    in_functions = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(block)
    }
    start, everything = set[str](), set[str]()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        targets = {target for target in _targets(node, product) if target != name}
        everything |= targets
        if id(node) not in in_functions:
            start |= targets
    return Module(name, tree, frozenset(start), frozenset(everything))


def _targets(node: ast.AST, product: set[str]) -> set[str]:
    match node:
        case ast.Import(names=names):
            return {alias.name for alias in names if alias.name in product}
        case ast.ImportFrom(module=str(module), names=names, level=0):
            parts = {f"{module}.{alias.name}" for alias in names} & product
            return parts or ({module} & product)
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
