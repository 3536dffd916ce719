"""What a host learns that joins a cluster."""

from __future__ import annotations

import json
from pathlib import Path

from owactors.entity.size import ByteSize
from owactors.node.host import Roles, completed
from owactors.node.settings import Settings, load
from owactors.node.settings_shared import ORIGIN, contradicted, shared, with_shared

BOTH, ONE = Roles(controller=True, invoker=True), Roles(controller=False, invoker=True)


def settings(tmp_path: Path, **overrides: str) -> Settings:
    chosen = {key.replace("__", "."): value for key, value in overrides.items()}
    return load(None, {"node.data_dir": str(tmp_path), **chosen}, {})


def test_a_host_that_joins_has_what_all_have_in_common_and_keeps_what_is_its_own(tmp_path: Path) -> None:
    manifest = json.dumps({"runtimes": {}, "blackboxes": []})
    first = settings(
        tmp_path,
        limits__memory_max="2 GB",
        limits__time_max="7 min",
        couchdb__password="secret",
        couchdb__url="http://10.0.0.9:5984",
        store__backend="couchdb",
        kafka__topics_prefix="dev-",
        node__runtimes=manifest,
        controller__health_kind="python:3",
        containers__user_memory="4 GB",
        node__host="10.0.0.1",
    )
    table = json.loads(json.dumps(shared(first)))
    learned = with_shared(settings(tmp_path, containers__user_memory="512 MB"), table)
    assert learned.limits == first.limits
    assert learned.couchdb == first.couchdb
    assert (learned.store, learned.kafka.topics_prefix) == (first.store, "dev-")
    assert (learned.node.runtimes, learned.controller.health_kind) == (manifest, "python:3")
    assert (learned.containers.user_memory, learned.node.host) == (ByteSize.mb(512), "127.0.0.1")
    assert learned.origins["limits.time_max"] == ORIGIN


def test_what_a_host_says_otherwise_is_named(tmp_path: Path) -> None:
    table = shared(settings(tmp_path, limits__time_max="7 min"))
    own = settings(tmp_path, limits__time_max="3 min", limits__memory_min="128 MB")
    assert contradicted(own, table) == ["limits.time_max"]
    assert with_shared(own, {**table, "node.port": 5, "unknown.key": 1}).node.port == own.node.port


def test_one_command_completes_what_it_does_not_say(tmp_path: Path) -> None:
    first = completed(settings(tmp_path, node__name="a", node__host="10.0.0.1"), BOTH)
    assert (first.cluster.listen, first.controller.id, first.invoker.unique_name) == ("10.0.0.1:3234", "a", "a")
    assert (first.cluster.key_file, first.invoker.port) == (tmp_path / "cluster.key", 0)
    joined = completed(settings(tmp_path, node__name="b", cluster__join="127.0.0.1:3234"), ONE)
    assert (joined.node.host, joined.invoker.port, joined.cluster.transport) == ("127.0.0.1", 8080, "actors")
    said = completed(settings(tmp_path, node__name="b", controller__id="7", cluster__listen="10.0.0.2:99"), BOTH)
    assert (said.controller.id, said.cluster.listen) == ("7", "10.0.0.2:99")


def test_a_host_that_listens_everywhere_names_an_address_that_others_reach(tmp_path: Path) -> None:
    found = completed(settings(tmp_path, node__host="0.0.0.0"), BOTH).cluster.listen
    assert not found.startswith("0.0.0.0")
    assert found.endswith(":3234")


def test_who_names_a_couchdb_wants_it_as_the_store(tmp_path: Path) -> None:
    named = settings(tmp_path, couchdb__url="http://10.0.0.9:5984")
    assert completed(named, BOTH).store.backend == "couchdb"
    assert completed(settings(tmp_path), BOTH).store.backend == "sqlite"
    both = settings(tmp_path, couchdb__url="http://10.0.0.9:5984", store__backend="memory")
    assert completed(both, BOTH).store.backend == "memory"
