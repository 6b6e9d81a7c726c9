"""Who spreads tests over processes keeps those together that `conftest.py` puts into a group."""

import pytest


def test_a_test_is_spread_by_its_group(request: pytest.FixtureRequest) -> None:
    """pytest-xdist reads the group at the end of a test's name; where it is lost, tests are spread one by one."""
    by_groups = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@test_groups") == bool(by_groups)
