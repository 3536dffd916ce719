"""A controller and an invoker, each started alone with as few words as it needs: no Kafka, no CouchDB."""

from __future__ import annotations

import socket

import pytest

from tests.end_to_end.clusters import LiveController, LiveInvoker
from tests.end_to_end.livehosts import COMMON
from tests.end_to_end.nodes import free_port, refusal

pytestmark = pytest.mark.timeout(180)
HEALTH = ("--set", "controller.health_kind=python:3")


def test_an_invoker_joins_a_controller_that_keeps_the_documents_and_may_have_its_name() -> None:
    bus = f"127.0.0.1:{free_port()}"
    with LiveController("--bus", bus, "--name", "machine", *HEALTH, *COMMON) as controller:
        assert isinstance(controller, LiveController)
        secret = controller.data / "cluster.key"
        assert secret.stat().st_mode & 0o077 == 0
        invoker = LiveInvoker("--join", bus, "--secret-file", str(secret), "--name", "machine", *COMMON)
        try:
            invoker.start()
            controller.wait_for(40, **{"invoker0/machine": "up"})
            controller.deploy("echo", "def main(args):\n    return {'n': args['n']}")
            done = controller.invoke("echo", {"n": 7})
            assert done.json["response"]["result"] == {"n": 7}
            assert controller.record(done.json["activationId"])["response"]["result"] == {"n": 7}
            said = refusal("invoker", "--join", bus, "--secret-file", str(secret), "--name", "machine")
            assert "a host named machine is in the cluster already" in said
            assert invoker.stop() == 0
            assert controller.stop() == 0
        finally:
            invoker.close()


def test_a_bus_that_somebody_uses_is_told_with_who_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        bus = f"127.0.0.1:{foreign.getsockname()[1]}"
        said = refusal("node", "--bus", bus, "--name", "machine")
        assert f"cannot listen on {bus} for other hosts" in said


def test_an_invoker_that_is_told_of_nobody_says_what_it_needs() -> None:
    assert "name one with --join HOST:PORT" in refusal("invoker", code=2)
