"""How tests are spread over processes: who starts an AWS, a Trino or a browser, or synthesizes stacks, shares it."""

from collections.abc import Iterator

import pytest

from tests.local_trino import LocalTrino, lacking, must_be_there, trino

TOGETHER = {
    "test_deployed": "an AWS",
    "test_warehouse": "an AWS",
    "test_local_athena": "an AWS",
    "test_infra": "stacks",
    "test_infra_permissions": "stacks",
    "test_deployment": "stacks",
    "test_conformance": "a Trino",
    "test_trino": "a Trino",
    "test_page_browser": "a browser",
    "test_page_trino": "a Trino",
}


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items):
    """Give every test of a module in TOGETHER its group; `--dist=loadgroup` keeps a group in one process."""
    for item in items:
        if group := TOGETHER.get(item.path.stem):
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def local_trino() -> Iterator[LocalTrino]:
    """A Trino of this machine; where it cannot be raised, what needs it is left out and says so."""
    if missing := lacking():
        if must_be_there():
            pytest.fail(missing)
        pytest.skip(missing)
    with trino() as raised:
        yield raised
