"""Death and strangers: kill -9, orphans, wrong keys, garbage, and that nothing is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from thespian.actors import ActorAddress, ActorExitRequest, ActorSystem
from thespian.system.messages.status import Thespian_StatusReq

from owactors import actorbase
from owactors.actorbase.frames import LENGTH
from owactors.actorbase.handshake import Answerer, Caller, HandshakeFailed
from owactors.actorbase.sockets import connect_unix, unix_path
from tests.actorbase.running import SECONDS, alive, call, eventually, start
from tests.actorbase.system_actors import Call, Crowded, Place, Subject

NEAR = {"colocate": True}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "actors")


@pytest.fixture
def system(folder: str) -> Iterator[ActorSystem]:
    system = start(folder)
    yield system
    system.shutdown()


def place(system: ActorSystem, actor: ActorAddress) -> Place:
    found: Place = call(system, actor, "where")
    return found


def family(system: ActorSystem) -> tuple[ActorAddress, list[Place]]:
    """A parent, its neighbour, a far child and that one's far child."""
    parent = system.createActor(Subject)
    near = call(system, parent, "create", NEAR)
    far = call(system, parent, "create")
    grandchild = call(system, far, "create")
    return parent, [place(system, each) for each in (parent, near, far, grandchild)]


def test_kill_of_a_child_is_told_to_its_parent_and_takes_its_children_along(system: ActorSystem) -> None:
    parent, (_, _, far, grandchild) = family(system)
    os.kill(far.pid, signal.SIGKILL)
    eventually(lambda: call(system, parent, "seen").what == [["exited", True]], "exit")
    eventually(lambda: not alive(grandchild.pid), "end of the orphan")


def test_a_blocked_orphan_is_killed_too(system: ActorSystem) -> None:
    _, (_, _, far, grandchild) = family(system)
    system.tell(grandchild.address, Call("block", 60))
    os.kill(far.pid, signal.SIGKILL)
    eventually(lambda: not alive(grandchild.pid), "end of the orphan")


def test_kill_of_the_admin_ends_everybody(system: ActorSystem, folder: str) -> None:
    _, places = family(system)
    admin = int(next(line.split()[1] for line in _status(places[0].pid) if line.startswith("PPid")))
    os.kill(admin, signal.SIGKILL)
    eventually(lambda: not any(alive(each.pid) for each in places), "end of all")


def test_a_new_system_starts_where_one_was_killed(folder: str) -> None:
    first = start(folder)
    _, places = family(first)
    admin = int(next(line.split()[1] for line in _status(places[0].pid) if line.startswith("PPid")))
    os.kill(admin, signal.SIGKILL)
    eventually(lambda: not any(alive(each.pid) for each in places), "end of all")
    stale = unix_path(folder, 1)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(stale)
    second = start(folder)
    try:
        assert place(second, second.createActor(Subject)).pid
        assert not os.path.exists(stale)
    finally:
        second.shutdown()
        first.transport = None


def test_shutdown_leaves_no_process_and_no_socket(folder: str) -> None:
    system = start(folder)
    _, places = family(system)
    system.shutdown()
    assert not any(alive(each.pid) for each in places)
    assert sorted(os.listdir(folder)) == ["key", "port"]


def test_shutdown_while_children_are_being_made(folder: str) -> None:
    system = start(folder)
    parent = system.createActor(Subject)
    for _ in range(10):
        system.tell(parent, Call("create"))
    system.shutdown()
    eventually(lambda: sorted(os.listdir(folder)) == ["key", "port"], "empty folder")


def test_a_system_ends_with_the_process_that_started_it(folder: str, tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from tests.actorbase.running import call, start\n"
        "from tests.actorbase.system_actors import Subject\n"
        f"system = start({folder!r})\n"
        "print(call(system, system.createActor(Subject), 'where').pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert alive(pid)
    starter.kill()
    starter.wait()
    eventually(lambda: not alive(pid), "end of the system")
    eventually(lambda: sorted(os.listdir(folder)) == ["key", "port"], "empty folder")
    assert starter.stderr is not None
    assert starter.stderr.read() == b""
    for stream in (starter.stdin, starter.stdout, starter.stderr):
        assert stream is not None
        stream.close()


def test_two_systems_do_not_meet(tmp_path: Path) -> None:
    one, two = start(str(tmp_path / "one")), start(str(tmp_path / "two"))
    try:
        actors = one.createActor(Subject), two.createActor(Subject)
        assert place(one, actors[0]).pid != place(two, actors[1]).pid
        assert one.ask(actors[1], Call("where"), 1) is None  # the other's key is another
    finally:
        two.shutdown()
        one.shutdown()


def test_the_same_folder_finds_the_same_system(system: ActorSystem, folder: str) -> None:
    actor = system.createActor(Subject)
    again = ActorSystem("owactorsBase", capabilities=actorbase.capabilities(folder), transientUnique=True)
    assert call(again, actor, "where") == place(system, actor)
    again.transport = None


def test_sigterm_is_an_exit_request(system: ActorSystem) -> None:
    parent, (_, _, far, _) = family(system)
    os.kill(far.pid, signal.SIGTERM)
    eventually(lambda: call(system, parent, "seen").what == [["exited", True]], "exit")


def test_a_child_inherits_no_descriptors(system: ActorSystem) -> None:
    parent, _ = family(system)
    child = call(system, parent, "create")
    kinds = call(system, child, "descriptors").what
    sockets = [kind for kind in kinds if kind.startswith("socket:")]
    own = [kind for kind in kinds if not kind.startswith(("socket:", "/dev/", "pipe:", "anon_inode:", "/"))]
    assert own == []
    assert len(sockets) <= 10


# -- strangers


def connect(system: ActorSystem, folder: str, actor: ActorAddress) -> socket.socket:
    stranger = connect_unix(folder, actor.addressDetails.sockname[1])
    stranger.setblocking(True)
    stranger.settimeout(SECONDS)
    return stranger


def counters(system: ActorSystem, actor: ActorAddress) -> dict[str, int]:
    return dict(system.ask(actor, Thespian_StatusReq(), SECONDS).miscKeyVals)


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.0\r\n\r\n", bytes(100), b"OWA1" + bytes(64), b"\x80\x05"],
    ids=["http", "zeros", "wrong proof", "pickle"],
)
def test_who_has_no_key_is_cut_off_and_counted(system: ActorSystem, folder: str, data: bytes) -> None:
    actor = system.createActor(Subject)
    with connect(system, folder, actor) as stranger:
        stranger.sendall(data)
        while stranger.recv(4096):
            pass
    assert counters(system, actor)["owactors.connections_refused"] == 1
    assert call(system, actor, "echo", 1) == 1


def test_the_admin_on_tcp_asks_for_the_key_too(system: ActorSystem) -> None:
    with socket.create_connection(("127.0.0.1", system.capabilities["Admin Port"]), SECONDS) as stranger:
        caller = Caller(b"x" * 32)
        stranger.sendall(caller.greeting())
        with pytest.raises(HandshakeFailed):
            caller.receive(stranger.recv(4096))
        stranger.sendall(bytes(32))
        assert stranger.recv(4096) == b""
    assert system.createActor(Subject)


def test_with_the_key_an_oversized_or_garbled_frame_still_ends_the_connection(system: ActorSystem, folder: str) -> None:
    actor = system.createActor(Subject)
    key = Path(folder, "key").read_bytes()
    for data in (LENGTH.pack(2**31), LENGTH.pack(5) + b"hello"):
        with connect(system, folder, actor) as friend:
            caller = Caller(key)
            friend.sendall(caller.greeting())
            friend.sendall(caller.receive(friend.recv(4096)) + data)
            while friend.recv(4096):
                pass
    assert counters(system, actor)["owactors.frames_rejected"] == 2


def test_a_false_actor_is_not_talked_to(system: ActorSystem, folder: str) -> None:
    """Somebody takes over a dead actor's socket file: without the key nothing is sent to it."""
    parent = system.createActor(Subject)
    child = call(system, parent, "create")
    path = unix_path(folder, child.addressDetails.sockname[1])
    system.tell(child, ActorExitRequest())
    eventually(lambda: call(system, parent, "seen").what, "exit")
    with socket.socket(socket.AF_UNIX) as false:
        false.bind(path)
        false.listen()
        false.settimeout(SECONDS)
        system.tell(parent, Call("forward", (child, "secret")))
        connection, _ = false.accept()
        with connection:
            connection.settimeout(SECONDS)
            greeting = connection.recv(4096)
            connection.sendall(Answerer(b"x" * 32).receive(greeting))
            assert connection.recv(4096) == b""
    os.unlink(path)


def _status(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()


def test_a_child_for_which_there_is_no_process_has_exited(system: ActorSystem) -> None:
    actor = system.createActor(Crowded)
    assert call(system, actor, "crowd") == "crowded"
    eventually(lambda: call(system, actor, "seen").what == [["exited", True]], "exit")


def test_a_child_that_no_system_can_have_has_exited(system: ActorSystem) -> None:
    actor = system.createActor(Subject)
    call(system, actor, "create_special_only")
    eventually(lambda: call(system, actor, "seen").what == [["exited", True]], "exit")


def test_a_full_disk_stops_new_processes_only(tmp_path: Path) -> None:
    """The folder of the sockets is on a disk of its own, which has no room for one file more."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=64", "none", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk to fill: {mounted.stderr.decode().strip()}")
    try:
        system = start(str(disk / "actors"))
        actor = system.createActor(Subject)
        with system.private() as own:
            fill(disk)
            call(own, actor, "create")
            eventually(lambda: call(own, actor, "seen").what == [["exited", True]], "exit")
            near = call(own, actor, "create", NEAR)
            assert call(own, near, "echo", "still here") == "still here"
            for path in disk.glob("fill*"):
                path.unlink()
            assert call(own, call(own, actor, "create"), "echo", "again") == "again"
        system.shutdown()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path) -> None:
    number = 0
    while True:
        number += 1
        try:
            (disk / f"fill{number}").touch()
        except OSError:
            return
