"""Distribute tests over processes, so that tests that need the same expensive resource run in the same process.

Such resources are a local AWS, a Trino, a browser, or synthesized stacks.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.session
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.conformance.extent import IN_FULL
from tests.fakes.local_trino import LocalTrino, lacking, must_be_there, trino

# Powertools reads it once per process, when a test first imports a module of lambdas/.
os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "focuswatch"

# xdist sets COLUMNS to 80 and some shells set it, too; output must not depend on how the tests are started.
os.environ.pop("COLUMNS", None)

# Shared, because botocore's models of the services are megabytes of JSON that each new session would load again.
BOTOCORE_DATA = botocore.loaders.create_loader()
botocore.session.create_loader = lambda _search_path=None: BOTOCORE_DATA

# The shared resource of a test module, or of a single test.
SHARED_RESOURCES = {
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
    "test_explanations_are_the_same_on_trino": "a Trino",
    "test_cost": "stacks",
    "test_load_deployment_toml_and_derive_functions_and_roles": "stacks",
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
# In a full run these modules are so long that every process starts its own Trino for them.
DISTRIBUTED_IN_FULL = ("test_athena_statements_on_trino", "test_conformance")


class SharedResourceScheduling(LoadScopeScheduling):
    """Distributes single tests, but runs all tests with the same shared resource in one process.

    `--dist=loadgroup` does not work: xdist 3.8 writes the group into a test's `_nodeid`, which pytest 9.2 ignores.
    """

    def _split_scope(self, nodeid):
        module, _, test = nodeid.partition("::")
        if IN_FULL and Path(module).stem in DISTRIBUTED_IN_FULL:
            return nodeid
        by_module = SHARED_RESOURCES.get(Path(module).stem)
        return by_module or SHARED_RESOURCES.get(test.partition("[")[0], nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Return the scheduler that xdist uses."""
    return SharedResourceScheduling(config, log)


@pytest.fixture(scope="session")
def local_trino() -> Iterator[LocalTrino]:
    """Yield a local Trino. If it cannot start, skip the tests that need it with a message; on CI, fail them."""
    if missing := lacking():
        if must_be_there():
            pytest.fail(missing)
        pytest.skip(missing)
    with trino(for_hours=IN_FULL) as server:
        yield server
