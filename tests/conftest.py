"""How tests are spread over processes: who starts an AWS, a Trino or a browser, or synthesizes stacks, shares it."""

import os
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.conformance.extent import IN_FULL
from tests.fakes.local_trino import LocalTrino, lacking, must_be_there, trino

# Powertools reads it once for a process, as a module of lambdas/ is imported, whichever test does so first.
os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "focuswatch"

# xdist's processes have 80 columns, a shell that pipes has none: what is printed must not depend on who starts a test.
os.environ.pop("COLUMNS", None)

# The endpoints and models of AWS's services are megabytes of JSON, which each new session would read anew.
BOTOCORE_DATA = botocore.loaders.create_loader()
botocore.session.create_loader = lambda _search_path=None: BOTOCORE_DATA

TOGETHER = {  # modules, and single tests
    "test_deployed": "an AWS",
    "test_athena_refresh": "an AWS",
    "test_other_bills": "an AWS",
    "test_athena_statements_on_trino": "a Trino",
    "test_chargeback_is_the_same_on_trino": "a Trino",
    "test_conformance": "a Trino",
    "test_local_athena": "a Trino",
    "test_lookups_trino": "a Trino",
    "test_month_close_and_basis_trino": "a Trino",
    "test_trino_engine": "a Trino",
    "test_trino_explains_it_alike": "a Trino",
    "test_cost": "stacks",
    "test_deployment_config": "stacks",
    "test_infra": "stacks",
    "test_infra_bills": "stacks",
    "test_infra_connectors": "stacks",
    "test_infra_invocation_logs": "stacks",
    "test_infra_controls": "stacks",
    "test_payer_stack": "stacks",
    "test_infra_permissions": "stacks",
    "test_infra_principals": "stacks",
    "test_architecture": "the imports",
    "test_page_browser": "a browser",
    "test_wheel": "a wheel",
    "test_read_tools": "an agent",
    "test_text_of_the_bill": "an agent",
    "test_metamorphic": "an organization",
    "test_simulation": "a simulation",
    "test_reports": "a month",
}
APART = ("test_athena_statements_on_trino", "test_conformance")  # in full, each process has a Trino


class Together(LoadScopeScheduling):
    """Each test for itself, but those that TOGETHER names in one process a group.

    Not `--dist=loadgroup`: xdist 3.8 writes the group into a test's `_nodeid`, which pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid):
        module, _, test = nodeid.partition("::")
        if IN_FULL and Path(module).stem in APART:
            return nodeid
        return TOGETHER.get(Path(module).stem) or TOGETHER.get(test.partition("[")[0], nodeid)


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
    with trino(for_hours=IN_FULL) as raised:
        yield raised
