"""How tests are spread over processes: who starts an AWS or a Trino, or synthesizes the stacks, shares it."""

import pytest

TOGETHER = {
    "test_deployed": "an AWS",
    "test_warehouse": "an AWS",
    "test_local_athena": "an AWS",
    "test_infra": "stacks",
    "test_infra_permissions": "stacks",
    "test_deployment": "stacks",
    "test_conformance": "a Trino",
    "test_trino": "a Trino",
}


def pytest_collection_modifyitems(items):
    """Give every test of a module in TOGETHER its group; `--dist=loadgroup` keeps a group in one process."""
    for item in items:
        if group := TOGETHER.get(item.path.stem):
            item.add_marker(pytest.mark.xdist_group(group))
