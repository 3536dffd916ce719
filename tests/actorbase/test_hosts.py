"""Failures of a neighbour host: two network namespaces with a convention between them; needs root.

The times that are asserted are the promises of docs/actorbase.md; what was measured is printed (pytest -s).
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.actorbase.hosts import Clock, Host, NoHosts, two_hosts
from tests.actorbase.running import alive, eventually

NOTICED_WITHIN = 10.0

pytestmark = pytest.mark.timeout(200)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Host]]:
    try:
        with two_hosts(tmp_path_factory.mktemp("hosts")) as (leader, member):
            leader.start()
            yield leader, member
    except NoHosts as reason:
        if os.environ.get("CI") and not os.geteuid() and shutil.which("ip"):
            raise
        pytest.skip(f"no hosts to test with: {reason}")


@pytest.fixture
def leader(hosts: tuple[Host, Host]) -> Host:
    """With a fresh actor "parent"."""
    hosts[0].ask("actor", name="parent")
    return hosts[0]


@pytest.fixture
def member(hosts: tuple[Host, Host], leader: Host) -> Iterator[Host]:
    """In the convention: actors that need Special live here."""
    member = hosts[1]
    member.start()
    eventually(lambda: leader.ask("special")[0], "the member in the convention")
    yield member
    member.link("up")
    member.crash()
    eventually(lambda: not leader.ask("special")[0], "the convention without the member")


def seen(leader: Host) -> list[object]:
    found: list[object] = leader.call("parent", "seen")
    return found


def measured(what: str, seconds: float) -> None:
    print(f"measured: {what}: {seconds:.2f} s")
    assert seconds < NOTICED_WITHIN, what


def pids_of(member: Host, leader: Host, name: str = "child") -> int:
    leader.call("parent", "create_special", name=name)
    pid: int = leader.call(name, "where")
    assert pid in member.processes()
    return pid


def test_an_actor_is_made_on_the_host_that_has_what_it_needs(leader: Host, member: Host) -> None:
    pids_of(member, leader)
    assert leader.call("child", "echo", "over there") == "over there"


def test_kill_of_all_processes_of_a_host_is_told_to_the_parents_of_its_actors(leader: Host, member: Host) -> None:
    pids_of(member, leader)
    member.crash()
    clock = Clock()
    made, seconds = leader.ask("special")
    measured("a create aimed at a killed host fails", seconds)
    assert not made
    eventually(lambda: ["exited", True] in seen(leader), "exit of the child")
    measured("a killed host's actors are told to their parents", clock())
    assert seen(leader).count(["exited", True]) == 1


def test_kill_of_a_childs_process_is_told_to_its_parent_on_the_other_host(leader: Host, member: Host) -> None:
    pid = pids_of(member, leader)
    clock = Clock()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: ["exited", True] in seen(leader), "exit of the child")
    measured("a killed actor is told to its parent on the other host", clock())


def test_a_child_elsewhere_ends_with_its_parents_process(leader: Host, member: Host) -> None:
    child, parent = pids_of(member, leader), leader.call("parent", "where")
    clock = Clock()
    os.kill(parent, signal.SIGKILL)
    eventually(lambda: not alive(child), "end of the child")
    measured("a child ends with its parent on the other host", clock())


def test_a_cut_cable(leader: Host, member: Host) -> None:
    """The parent is told, the orphan ends, a create fails, letters come back, and after healing all works again."""
    child = pids_of(member, leader)
    leader.ask("actor", name="letters")
    leader.call("letters", "dead_letters")
    leader.call("parent", "watch_systems")
    assert ["system", True] in eventually(lambda: seen(leader), "the member")
    member.link("down")
    clock = Clock()
    leader.call("parent", "count", ["child", 40])
    made, seconds = leader.ask("special")
    measured("a create aimed at a host behind a cut cable fails", seconds)
    assert not made
    eventually(lambda: ["exited", True] in seen(leader), "exit of the child")
    eventually(lambda: ["system", False] in seen(leader), "the member's absence")
    measured("a host behind a cut cable is noticed", clock())
    eventually(lambda: not alive(child), "end of the orphan")
    measured("an orphan behind a cut cable ends", clock())
    eventually(lambda: leader.call("letters", "seen").count(["dead", 39]) == 1, "the last dead letter")
    assert len(leader.call("letters", "seen")) == 40
    print(f"measured: letters to a host behind a cut cable come back: {clock():.2f} s")
    member.link("up")
    clock = Clock()
    eventually(lambda: leader.ask("special")[0], "an actor on the member")
    measured("after healing an actor is made there", clock())


def test_a_half_open_connection(leader: Host, member: Host) -> None:
    """The child dies while the cable is cut, so that the parent's side does not hear of it."""
    child = pids_of(member, leader)
    leader.ask("actor", name="letters")
    leader.call("letters", "dead_letters")
    member.link("down")
    os.kill(child, signal.SIGKILL)
    eventually(lambda: not alive(child), "end of the child")
    member.link("up")
    clock = Clock()
    leader.call("parent", "count", ["child", 1])
    eventually(lambda: leader.call("letters", "seen") == [["dead", 0]], "the dead letter")
    measured("a letter on a half-open connection comes back", clock())


def test_an_actor_that_stops_reading_stops_nobody_else_and_loses_nothing(leader: Host, member: Host) -> None:
    child, other = pids_of(member, leader), pids_of(member, leader, "other")
    assert child != other
    os.kill(child, signal.SIGSTOP)
    leader.call("parent", "count", ["child", 5000])
    clock = Clock()
    assert leader.call("other", "echo", 1) == 1
    measured("an answer beside a stopped actor", clock())
    os.kill(child, signal.SIGCONT)
    eventually(lambda: leader.call("child", "seen") == list(range(5000)), "all letters")


def test_a_host_whose_processes_have_stopped_counts_as_dead(leader: Host, member: Host) -> None:
    pids_of(member, leader)
    clock = Clock()
    member.signal(signal.SIGSTOP)
    made, seconds = leader.ask("special")
    measured("a create aimed at a stopped host fails", seconds)
    assert not made
    eventually(lambda: ["exited", True] in seen(leader), "exit of the child")
    measured("a stopped host is noticed", clock())
