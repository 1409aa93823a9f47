"""How tests are spread over processes: those that start an AWS, or synthesize the stacks, share what they started."""

import pytest

TOGETHER = {
    "test_deployed": "an AWS",
    "test_warehouse": "an AWS",
    "test_local_athena": "an AWS",
    "test_infra": "stacks",
    "test_infra_permissions": "stacks",
    "test_deployment": "stacks",
}


def pytest_collection_modifyitems(items):
    """Give every test of a module in TOGETHER its group; `--dist=loadgroup` keeps a group in one process."""
    for item in items:
        if group := TOGETHER.get(item.path.stem):
            item.add_marker(pytest.mark.xdist_group(group))
