"""An invoker's place in the group of its topic on Kafka: its successor has it at once, however the invoker ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field
from kafka import KafkaAdminClient

from tests.end_to_end.clusters import Cluster
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]


@define
class Watched:
    """What the broker said of a group, each different answer once: its state, its members with their lasting ids."""

    seen: list[tuple[str, tuple[tuple[str, str], ...]]] = field(factory=list)

    @property
    def states(self) -> set[str]:
        return {state for state, _ in self.seen}

    @property
    def members(self) -> list[tuple[tuple[str, str], ...]]:
        return [members for _, members in self.seen]


@contextmanager
def watched(kafka: str, group: str) -> Iterator[Watched]:
    """Asks the broker all the time."""
    found, ended, admin = Watched(), threading.Event(), KafkaAdminClient(bootstrap_servers=kafka)

    def watch() -> None:
        while not ended.wait(0.1):
            told = admin.describe_groups([group])[group]
            members = tuple((each["group_instance_id"], each["member_id"]) for each in told["members"])
            if found.seen[-1:] != [(told["group_state"], members)]:
                found.seen.append((told["group_state"], members))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        admin.close()


def test_who_follows_a_stopped_or_killed_invoker_has_its_place_at_once(kafka_address: str, tmp_path: Path) -> None:
    """Else the group would be without a member, or wait for one, until the session of the dead one is over."""
    with CouchServer.running(tmp_path / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(kafka_address, couchdb, tmp_path)
        controller, invoker = cluster.controller("0"), cluster.invoker(0)
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            controller.deploy("quick", "def main(args):\n    return args")
            with watched(kafka_address, f"{cluster.prefix}invoker0") as group:
                for end in (invoker.stop, invoker.kill_all):
                    assert controller.invoke("quick", {"n": 1}).status == 200
                    before = len(group.seen)
                    end()
                    invoker.start()
                    invoker.wait_until(lambda: len(group.seen) > before, "its successor is a member")  # noqa: B023
                    controller.wait_for(40, invoker0="up")
                assert controller.invoke("quick", {"n": 2}).status == 200
        finally:
            cluster.close()
    assert group.states == {"Stable"}
    assert [[lasting for lasting, _ in members] for members in group.members] == [["invoker0"]] * 3
    assert len({member for members in group.members for _, member in members}) == 3
