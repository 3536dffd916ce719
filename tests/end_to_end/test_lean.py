"""A controller with the lean load balancer: its one invoker is beside it, the store is the configured one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from owactors.actor.leancontroller import REFUSED
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.store import CouchStore
from tests.end_to_end.clusters import LiveController
from tests.end_to_end.livehosts import COMMON
from tests.end_to_end.nodes import LIMITS, free_port, refusal
from tests.store.couchserver import CouchServer

pytestmark = pytest.mark.timeout(180)
PROVIDER = {"CONFIG_whisk_spi_LoadBalancerProvider": "org.apache.openwhisk.core.loadBalancer.LeanBalancer"}
ECHO = "def main(args):\n    return {'n': args['n']}"


class Lean(LiveController):
    """Chosen by OpenWhisk's name of it."""

    def __init__(self, *options: str) -> None:
        self.bus = f"127.0.0.1:{free_port()}"
        super().__init__("--name", "alone", "--bus", self.bus, *COMMON, *options, limits={**LIMITS, **PROVIDER})

    @property
    def secret(self) -> Path:
        return self.data / "cluster.key"


@pytest.fixture(scope="module")
def lean() -> Iterator[Lean]:
    with Lean() as made:
        assert isinstance(made, Lean)
        yield made


def test_its_own_invoker_takes_the_calls(lean: Lean) -> None:
    lean.deploy("echo", ECHO)
    assert [lean.invoke("echo", {"n": n}).json["response"]["result"] for n in range(3)] == [{"n": n} for n in range(3)]
    accepted = lean.invoke("echo", {"n": 4}, "blocking=false")
    assert lean.record(accepted.json["activationId"])["response"]["result"] == {"n": 4}
    assert lean.invokers() == {"invoker0": "up"}


def test_nobody_can_join_it(lean: Lean) -> None:
    joins = ("--join", lean.bus, "--secret-file", str(lean.secret), "--name", "b")
    told = ("--id", "3", "--couchdb", "http://127.0.0.1:1")
    tries = [("node", *joins), ("controller", *joins), ("invoker", *joins), ("invoker", *joins, *told)]
    with ThreadPoolExecutor(len(tries)) as pool:
        said = list(pool.map(lambda words: refusal(*words), tries))
    assert [REFUSED in each for each in said] == [True] * len(tries), said


@pytest.mark.services
def test_its_documents_may_be_in_a_couchdb(tmp_path: Path) -> None:
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as found:
        options = ("--couchdb", found.url, "--set", f"couchdb.prefix={found.prefix}")
        options += ("--set", f"couchdb.username={found.username}", "--set", f"couchdb.password={found.password}")
        with Lean(*options) as node:
            node.deploy("echo", ECHO)
            assert node.invoke("echo", {"n": 1}).json["response"]["result"] == {"n": 1}
            assert not list(node.data.glob("store.db*"))
        assert asyncio.run(kept(found))["name"] == "echo"


async def kept(couchdb: CouchSettings) -> dict[str, Any]:
    """The action as the database has it."""
    store = CouchStore.open(couchdb)
    try:
        return await store.entities.get("guest/echo")
    finally:
        await store.close()
