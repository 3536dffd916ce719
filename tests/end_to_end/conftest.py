from collections.abc import Iterator

import pytest

from tests.end_to_end.nodes import LiveNode


@pytest.fixture(scope="session")
def node() -> Iterator[LiveNode]:
    """One node for all tests that do not hurt it."""
    with LiveNode("--set", "containers.user_memory=4 GB") as live:
        yield live
