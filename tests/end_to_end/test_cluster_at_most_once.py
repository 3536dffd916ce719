"""`kafka.delivery = "at-most-once"`: an invoker is killed in the middle of calls. What is lost ends with a record."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.clusters import UP, Cluster, LiveController, LiveInvoker
from tests.end_to_end.telling import REACHES, TELLING, told
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

CALLS = 60
AT_MOST_ONCE = ("--set", "kafka.delivery=at-most-once", "--set", "containers.user_memory=512 MB")
#: what an invoker does not report is given up after a minute, the least there is
SOON = ("--set", "controller.timeout_factor=1", "--set", "controller.timeout_addon=0 s")
#: by then it is, with some seconds for a busy machine
GIVEN_UP = 90
LONG = bool(os.environ.get("OWACTORS_TEST_LONG"))
LATER = pytest.mark.skipif(not LONG, reason="a process that is started anew, with OWACTORS_TEST_LONG=1")


def host_dies(invoker: LiveInvoker) -> None:
    """It is noticed by its silence."""
    invoker.kill_all()


def process_dies(invoker: LiveInvoker) -> None:
    """Another one takes its place at once: only time tells that something is missing."""
    os.kill(invoker.role_process(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("transport", "dies"),
    [
        ("kafka", host_dies),
        pytest.param("kafka", process_dies, marks=LATER),
        pytest.param("http", process_dies, marks=LATER),
        pytest.param("actors", process_dies, marks=LATER),
    ],
)
def test_an_invoker_dies_in_the_middle_of_calls(
    request: pytest.FixtureRequest, tmp_path: Path, transport: str, dies: Callable[[LiveInvoker], None]
) -> None:
    kafka = request.getfixturevalue("kafka_address") if transport == "kafka" else None
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb, told() as (url, runs):
        first = ("--http-first",) if transport == "http" else ()
        cluster = Cluster(kafka, couchdb, tmp_path, *AT_MOST_ONCE, *SOON, *REACHES, *first)
        controller, invokers = cluster.controller("0"), [cluster.invoker(0), cluster.invoker(1)]
        try:
            cluster.start()
            controller.wait_for(60, **UP)
            for number in range(4):
                controller.deploy(f"telling{number}", TELLING)

            def call(number: int) -> str | None:
                if number == CALLS // 2:
                    dies(invokers[0])
                body = {"url": url, "seconds": 0.2}
                reply = controller.invoke(f"telling{number % 4}", body, "blocking=false")
                return str(reply.json["activationId"]) if reply.status == 202 else None

            with ThreadPoolExecutor(4) as pool:
                accepted = [each for each in pool.map(call, range(CALLS)) if each]
            records = responses(controller, accepted)
            kept = [node for node in invokers if list(node.data.rglob("taken.journal"))]
            ran = dict(runs)
            if invokers[0].process is None or invokers[0].process.poll() is not None:
                invokers[0].start()
                controller.wait_for(90, **UP)
        finally:
            cluster.close()
    assert kept == [], "nothing is written down"
    assert {each: runs[each] for each in accepted} == {each: ran.get(each, 0) for each in accepted}
    lost = {each: found["result"]["error"] for each, found in records.items() if not found["success"]}
    unrecorded = set(accepted) - set(records)
    print(transport, len(accepted), "accepted;", Counter(lost.values()), len(unrecorded), "without a record")
    assert len(accepted) > CALLS * 0.8
    assert max(runs.values()) == 1
    assert set(accepted) - set(lost) <= set(runs), "what did not run says so"
    assert len(unrecorded) < CALLS / 4, "what had ended, and was not written when the invoker died"
    assert lost, "nothing was there when it was killed"
    assert all("may have run" in error or "has not run" in error for error in lost.values()), lost


def responses(controller: LiveController, accepted: list[str]) -> dict[str, Any]:
    """Of the records, for which there is time until calls are given up; by activation id."""

    def response(activation_id: str) -> Any:
        try:
            return controller.record(activation_id, GIVEN_UP)["response"]
        except AssertionError:
            return None

    with ThreadPoolExecutor(len(accepted)) as pool:
        found = list(pool.map(response, accepted))
    return {each: response for each, response in zip(accepted, found, strict=True) if response}
