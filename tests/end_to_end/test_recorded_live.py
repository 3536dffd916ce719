"""Every recorded case, against a node that runs the functions for real."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.end_to_end.nodes import GUEST, LIMITS, LiveNode
from tests.rest.replay.cases import FOLDER, areas, cases, run_name
from tests.rest.replay.playing import play
from tests.rest.replay.talking import OverHttp

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")

#: where this server answers otherwise on purpose, with what is different and why (docs/differences)
ON_PURPOSE = {
    "activations-025": (
        ["0 items instead of 1", "1 items instead of 0"],
        "what was called through a binding is listed under the binding, as CouchDB's view does; the recording is "
        "that of OpenWhisk's store in memory",
    ),
    "info-010": (["1 instead of 0"], "OpenWhisk's lean balancer never counts its own invoker as healthy"),
    "invoke-055": (
        ["s process ended with exit code 2."],
        "the error of an action that ended its process says with which exit code",
    ),
    "web-044": (
        ["status 200 instead of 500", "status 400 instead of 500"],
        "OpenWhisk answers an internal error when the result of a web action is an array",
    ),
}
#: OpenWhisk's own names, as an operator of it would write them
LIFTED = {**LIMITS, "LIMITS_ACTIONS_INVOKES_CONCURRENT": "10000", "CONFIG_whisk_containerPool_userMemory": "8192 m"}


@pytest.fixture(scope="module")
def recorded() -> Iterator[LiveNode]:
    """A node set up as the recorded one was."""
    options = ("--store", "memory", "--runtimes", str(FOLDER / "runtimes.json"))
    options += ("--set", "containers.annotations=false")
    with LiveNode(*options, limits=LIFTED) as live:
        yield live


@pytest.mark.parametrize("area", areas())
def test_answers_as_recorded(recorded: LiveNode, area: str) -> None:
    run, transport = run_name(), OverHttp(recorded.url)

    async def played() -> dict[str, list[str]]:
        return {case["id"]: await play(case, transport, GUEST, run) for case in cases(area)}

    found = asyncio.run(played())
    wrong = {case: lines for case, lines in found.items() if lines and case not in ON_PURPOSE}
    assert not wrong
    for case in ON_PURPOSE.keys() & found.keys():
        _differs_as_meant(case, found[case])


def _differs_as_meant(case: str, lines: list[Any]) -> None:
    """Neither more than the list says, nor less: an entry that is no longer true has to go."""
    wanted, reason = ON_PURPOSE[case]
    assert len(lines) == len(wanted), (reason, lines)
    for words in wanted:
        assert any(words in line for line in lines), (reason, lines)


def test_a_kind_whose_runtime_is_not_here_is_kept_and_says_so(recorded: LiveNode) -> None:
    body = {"exec": {"kind": "swift:5.7", "code": "func main(args: Any) -> Any { return args }"}}
    assert recorded.api("PUT", "/actions/swift?overwrite=true", body).status == 200
    rows = {row["name"]: row for row in recorded.api("GET", "/actions").json}
    assert {"key": "exec", "value": "swift:5.7"} in rows["swift"]["annotations"]
    reply = recorded.invoke("swift")
    assert reply.status in (500, 502)
    assert "swift" in json.dumps(reply.json["response"]["result"]), reply.json
    assert recorded.api("DELETE", "/actions/swift").status == 200
