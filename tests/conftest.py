"""How tests are spread over processes: who starts an AWS, a Trino or a browser, or synthesizes stacks, shares it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.fakes.local_trino import LocalTrino, lacking, must_be_there, trino

# Powertools reads it once for a process, as a module of lambdas/ is imported, whichever test does so first.
os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "focuswatch"

# xdist's processes have 80 columns, a shell that pipes has none: what is printed must not depend on who starts a test.
os.environ.pop("COLUMNS", None)

TOGETHER = {
    "test_deployed": "an AWS",
    "test_athena_refresh": "an AWS",
    "test_athena_statements_on_trino": "a Trino",
    "test_local_athena": "a Trino",
    "test_infra": "stacks",
    "test_infra_permissions": "stacks",
    "test_deployment_config": "stacks",
    "test_conformance": "a Trino",
    "test_trino_engine": "a Trino",
    "test_page_browser": "a browser",
    "test_page_trino": "a Trino",
    "test_wheel": "a wheel",
    "test_read_tools": "an agent",
    "test_text_of_the_bill": "an agent",
}


class Together(LoadScopeScheduling):
    """Each test for itself, but those of TOGETHER's modules in one process a group.

    Not `--dist=loadgroup`: xdist 3.8 writes the group into a test's `_nodeid`, which pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid):
        return TOGETHER.get(Path(nodeid.partition("::")[0]).stem, nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Who gives tests to processes."""
    return Together(config, log)


@pytest.fixture(scope="session")
def local_trino() -> Iterator[LocalTrino]:
    """A Trino of this machine; where it cannot be raised, what needs it is left out and says so."""
    if missing := lacking():
        if must_be_there():
            pytest.fail(missing)
        pytest.skip(missing)
    with trino() as raised:
        yield raised
