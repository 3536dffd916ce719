"""The base as a whole: what Thespian promises, co-location, sharing by reference, large messages."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem, PoisonMessage
from thespian.system.messages.status import Thespian_StatusReq

from owactors.actorbase import address
from tests.actorbase.running import SECONDS, call, eventually, start
from tests.actorbase.system_actors import Call, Cleaner, Place, Seen, Subject

NEAR = {"colocate": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("system"))


@pytest.fixture(scope="module")
def running(folder: str) -> Iterator[ActorSystem]:
    system = start(folder)
    yield system
    system.shutdown()


@pytest.fixture
def system(running: ActorSystem) -> Iterator[ActorSystem]:
    """An endpoint of its own: late answers of one test are not heard by the next."""
    with running.private() as own:
        yield own


@pytest.fixture
def parent(system: ActorSystem) -> Iterator[ActorAddress]:
    address = system.createActor(Subject)
    yield address
    system.tell(address, ActorExitRequest())


def child_of(system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None) -> ActorAddress:
    return call(system, parent, "create", requirements)


def test_near_and_far_children_are_where_they_should_be(system: ActorSystem, parent: ActorAddress) -> None:
    here: Place = call(system, parent, "where")
    near: Place = call(system, child_of(system, parent, NEAR), "where")
    far: Place = call(system, child_of(system, parent, None), "where")
    assert near.pid == here.pid != far.pid
    assert len({here.address, near.address, far.address}) == 3


def test_the_first_actor_of_a_process_may_ask_for_colocation(system: ActorSystem) -> None:
    actor = system.createActor(Subject, NEAR)
    assert call(system, actor, "where").pid != os.getpid()
    system.tell(actor, ActorExitRequest())


def test_addresses_are_final_and_may_be_given_away(system: ActorSystem, parent: ActorAddress) -> None:
    for requirements in (NEAR, None):
        child = child_of(system, parent, requirements)
        assert call(system, child, "where").address == child
        other = child_of(system, parent, NEAR)
        assert call(system, other, "echo", child) == child


@pytest.mark.parametrize("requirements", [NEAR, None], ids=["near", "far"])
def test_messages_of_one_sender_arrive_in_order(
    system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None
) -> None:
    child = child_of(system, parent, requirements)
    assert call(system, parent, "burst", (child, 5000)) == Seen(list(range(5000)))


@pytest.mark.parametrize(("requirements", "seen"), [(NEAR, [[1]]), (None, [[]])], ids=["near", "far"])
def test_inside_a_process_the_object_itself_arrives(
    system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None, seen: list[list[int]]
) -> None:
    child = child_of(system, parent, requirements)
    system.tell(child, Call("give_list", parent))
    eventually(lambda: call(system, parent, "seen").what, "the list")
    assert call(system, child, "extend_list") == [1]
    assert call(system, parent, "seen") == Seen(seen)


def test_unpicklable_messages_come_back_to_the_sender(system: ActorSystem, parent: ActorAddress) -> None:
    system.tell(parent, Call("unpicklable", child_of(system, parent, None)))
    eventually(lambda: ["poison", "Unpicklable"] in call(system, parent, "seen").what, "poison")


@pytest.mark.parametrize("requirements", [NEAR, None], ids=["near", "far"])
def test_a_handler_that_raises_runs_twice_and_the_sender_gets_poison(
    system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None
) -> None:
    child = child_of(system, parent, requirements)
    assert isinstance(call(system, child, "raise"), PoisonMessage)
    assert call(system, child, "seen") == Seen(["raising", "raising"])


@pytest.mark.parametrize("requirements", [NEAR, None], ids=["near", "far"])
def test_a_childs_exit_is_told_once_and_its_neighbours_live(
    system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None
) -> None:
    child, other = child_of(system, parent, requirements), child_of(system, parent, NEAR)
    system.tell(child, ActorExitRequest())
    eventually(lambda: call(system, parent, "seen").what == [["exited", True]], "exit")
    assert call(system, other, "echo", 1) == 1
    assert system.ask(child, Call("echo"), 0.3) is None
    assert call(system, parent, "seen").what == [["exited", True]]


@pytest.mark.parametrize("requirements", [NEAR, None], ids=["near", "far"])
def test_a_child_that_cannot_be_made_has_exited(
    system: ActorSystem, parent: ActorAddress, requirements: dict[str, bool] | None
) -> None:
    call(system, parent, "broken", requirements)
    eventually(lambda: call(system, parent, "seen").what == [["exited", True]], "exit")
    assert call(system, parent, "echo", 1) == 1


def test_messages_to_the_dead_become_dead_letters(system: ActorSystem, parent: ActorAddress, folder: str) -> None:
    undertaker = child_of(system, parent, None)
    call(system, undertaker, "dead_letters")
    admin = address("127.0.0.1", int(Path(folder, "port").read_text()))
    eventually(lambda: system.ask(admin, Thespian_StatusReq(), SECONDS).deadLetterHandler == undertaker, "handler")
    for requirements in (NEAR, None):
        child = child_of(system, parent, requirements)
        before = len(call(system, parent, "seen").what)
        system.tell(child, ActorExitRequest())
        eventually(lambda before=before: len(call(system, parent, "seen").what) > before, "exit")
        system.tell(parent, Call("forward", (child, f"late {requirements}")))
        eventually(
            lambda requirements=requirements: ["dead", f"late {requirements}"] in call(system, undertaker, "seen").what,
            "dead letter",
        )


def test_handlers_run_inside_the_loop(system: ActorSystem, parent: ActorAddress) -> None:
    assert call(system, parent, "task") == "from a task"


@pytest.mark.parametrize("size", [1 << 20, 60 << 20])
def test_large_messages(system: ActorSystem, parent: ActorAddress, size: int) -> None:
    assert call(system, parent, "length", bytes(size)) == size


def test_a_message_over_the_limit_comes_back_as_poison(system: ActorSystem, parent: ActorAddress) -> None:
    child = child_of(system, parent, None)
    system.tell(parent, Call("send_bytes", (child, 65 << 20)))
    eventually(lambda: ["poison", "bytes"] in call(system, parent, "seen").what, "poison")
    with pytest.raises(ValueError, match="over the limit"):
        system.tell(child, bytes(65 << 20))


def test_several_outside_threads_ask_at_once(running: ActorSystem, system: ActorSystem, parent: ActorAddress) -> None:
    actors = [child_of(system, parent, NEAR), child_of(system, parent, None)]
    wrong: list[object] = []

    def ask(number: int) -> None:
        with running.private() as own:
            for turn in range(30):
                answer = own.ask(actors[turn % 2], Call("echo", (number, turn)), SECONDS)
                if answer != (number, turn):
                    wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_actors_status_can_be_asked_for(system: ActorSystem, parent: ActorAddress) -> None:
    child = child_of(system, parent, NEAR)
    status = system.ask(parent, Thespian_StatusReq(), SECONDS)
    assert status.childActors == [child]


def test_sockets_and_key_are_for_their_owner_only(system: ActorSystem, folder: str) -> None:
    modes = {
        name: stat.S_IMODE(os.lstat(os.path.join(folder, name)).st_mode)
        for name in os.listdir(folder)
        if name != "port"
    }
    assert modes
    assert set(modes.values()) == {0o600}


def test_neighbours_left_in_a_process_that_ends_clean_up(
    system: ActorSystem, tmp_path: Path, parent: ActorAddress
) -> None:
    mark = tmp_path / "mark"
    cleaner = system.createActor(Cleaner)
    assert call(system, cleaner, "mark", str(mark)) == "marked"
    system.tell(cleaner, ActorExitRequest())
    eventually(lambda: mark.exists() and mark.read_text(), "mark")
    assert mark.read_text() == "exit\n"


def test_a_handler_that_blocks_is_counted_with_its_stack_in_the_log(system: ActorSystem, parent: ActorAddress) -> None:
    system.tell(parent, Call("block", 0.3))
    status = system.ask(parent, Thespian_StatusReq(), SECONDS)
    assert status.miscKeyVals["owactors.slow_handlers"] == 1


def test_what_a_slow_handler_sent_does_not_wait_for_the_next_one(
    system: ActorSystem, parent: ActorAddress, tmp_path: Path
) -> None:
    call(system, parent, "echo", 1)  # now they are connected
    system.tell(parent, Call("block", 0.2))  # so that the next two are taken from the mailbox together
    system.tell(parent, Call("slow_echo", "first"))
    system.tell(parent, Call("wait_for", str(tmp_path / "heard")))
    assert system.listen(SECONDS) == "first"
    (tmp_path / "heard").touch()
    assert system.listen(SECONDS) is True
