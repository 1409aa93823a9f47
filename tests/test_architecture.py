"""Rules of the package structure, checked on the product's own imports."""

import pytest

from tests import package_rules
from tests.package_rules import PAGE, cycles, diagram, page_with_diagram


def test_packages_do_not_import_each_other_in_a_cycle():
    assert cycles(package_rules.package_imports()) == []


def test_modules_do_not_import_each_other_in_a_cycle():
    assert cycles(package_rules.module_imports()) == []


def test_public_class_names_are_unique():
    assert package_rules.shared_class_names() == {}


def test_module_names_are_unique_unless_they_do_the_same_job():
    assert package_rules.shared_module_names() == {}


def test_the_only_top_level_modules_are_main_and_errors():
    assert package_rules.loose_modules() == ["__main__", "errors"]


def test_the_diagram_in_the_docs_is_up_to_date():
    """If this fails, run `make diagram`."""
    text = PAGE.read_text(encoding="utf-8")
    assert page_with_diagram(text) == text


def test_the_docs_describe_every_package_and_its_imports():
    """The table in docs/architecture.md lists the packages that each package imports."""
    assert (
        package_rules.documented_imports(PAGE.read_text(encoding="utf-8"))
        == package_rules.imports_by_package()
    )


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([("a", "b"), ("b", "c")], []),
        ([("a", "b"), ("b", "a")], [["a", "b"]]),
        ([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")], [["a", "b", "c"]]),
        ([("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("b", "c")], [["a", "b"], ["c", "d"]]),
    ],
)
def test_import_cycles_are_detected(edges, expected):
    assert cycles(edges) == expected


def test_the_diagram_omits_an_arrow_that_a_longer_path_replaces(monkeypatch):
    monkeypatch.setattr(
        package_rules, "package_imports", lambda: {("a", "b"): 1, ("b", "c"): 1, ("a", "c"): 1}
    )
    assert "a --> b" in diagram() and "b --> c" in diagram() and "a --> c" not in diagram()


def test_a_page_without_diagram_markers_is_rejected():
    with pytest.raises(ValueError, match="diagram"):
        page_with_diagram("no markers")
