"""Two hosts as network namespaces; needs root. One is cut off with calls waiting for it, and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.actorbase.hosts import NoHosts
from tests.end_to_end.livehosts import FirstHost, JoinedHost
from tests.end_to_end.nodes import LiveNode
from tests.end_to_end.switch import Switch, placed, switched

pytestmark = pytest.mark.timeout(240)
_CAME = re.compile(r"([0-9a-f]{32}) \[marker:invoker_activation_start")


@pytest.fixture
def switch() -> Iterator[Switch]:
    try:
        with switched(2) as made:
            yield made
    except NoHosts as reason:
        pytest.skip(f"no hosts to test with: {reason}")


def came_to(node: LiveNode) -> list[str]:
    """The activations that this host's invoker took to run, as often as it did."""
    return _CAME.findall(node.log.read_text(errors="replace"))


def test_what_waits_for_a_host_that_is_cut_off_runs_once_wherever(switch: Switch) -> None:
    options = ("--set", "containers.user_memory=256 MB", "--set", "keys.guest_everywhere=true")
    first = FirstHost("one", *options, bus=f"{switch.host_address(1)}:3234")
    second: JoinedHost | None = None
    try:
        placed(first, switch, 1)
        first.start()
        second = first.joining("two", *options)
        placed(second, switch, 2)
        second.start()
        first.wait_for_all_up(2)
        first.deploy("sleeping", "import time\ndef main(args):\n    time.sleep(0.4)\n    return args")
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda n: first.invoke("sleeping", {"n": n}, "blocking=false"), range(40)))
        switch.link(2, "down")
        ids = [reply.json["activationId"] for reply in replies]
        first.wait_for_states(40, one="enabled", two="offline")
        statuses = {each: first.record(each, 60)["response"]["status"] for each in ids}
        switch.link(2, "up")
        first.wait_for_all_up(2)
        first.wait_for_states(one="enabled", two="enabled")
        reply = first.invoke("sleeping", {"n": 1})
        assert reply.status == 200
        here, there = came_to(first), came_to(second)
        assert len(set(here)) == len(here)
        assert len(set(there)) == len(there)
        assert not set(here) & set(there)
        assert {each for each, status in statuses.items() if status != "success"} <= set(ids) - set(here)
        assert list(statuses.values()).count("success") >= 25
    finally:
        for node in (first, second):
            if node is not None:
                node.close()
