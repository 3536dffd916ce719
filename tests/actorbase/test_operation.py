"""A system at work as its operator sees it: where it listens, that it rests, what it logs, how it is ended."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import pytest
from thespian.actors import ActorAddress, ActorSystem

from owactors.actorbase import LISTEN
from owactors.actorbase.site import PORT, Unsupported
from tests.actorbase.running import alive, call, eventually, need, start
from tests.actorbase.system_actors import Call, Subject

NEAR = {"colocate": True}
LISTENING = "0A"
#: an idle process sleeps until something happens: a loop that is busy wakes up thousands of times
WAKE_UPS, SECONDS = 20, 2.0


def admin_of(system: ActorSystem, actor: ActorAddress) -> int:
    """Parent of the first process."""
    stat = Path(f"/proc/{call(system, actor, 'where').pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def listened_on(pids: list[int]) -> set[tuple[str, int]]:
    """Where these processes accept TCP connections, IPv4."""
    inodes = {os.readlink(link) for pid in pids for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[3] == LISTENING and f"socket:[{columns[9]}]" in inodes:
            host, _, port = columns[1].partition(":")
            found.add((".".join(str(byte) for byte in reversed(bytes.fromhex(host))), int(port, 16)))
    return found


def test_on_one_host_only_the_admin_listens_on_tcp_and_only_on_loopback(tmp_path: Path) -> None:
    system = start(str(tmp_path / "actors"))
    actor = system.createActor(Subject)
    child = call(system, actor, "create")
    pids = [admin_of(system, actor), call(system, actor, "where").pid, call(system, child, "where").pid]
    assert listened_on(pids) == {("127.0.0.1", system.capabilities[PORT])}
    system.shutdown()


def test_between_hosts_it_listens_on_the_address_given_and_on_no_other(tmp_path: Path) -> None:
    need("127.0.0.2")
    system = start(str(tmp_path / "actors"), **{LISTEN: "127.0.0.2"})
    actor = system.createActor(Subject)
    found = listened_on([admin_of(system, actor), call(system, actor, "where").pid])
    assert len(found) == 2
    assert {host for host, _ in found} == {"127.0.0.2"}
    system.shutdown()


def test_an_idle_system_rests(tmp_path: Path) -> None:
    system = start(str(tmp_path / "actors"))
    actor = system.createActor(Subject)
    children = [call(system, actor, "create", requirements) for requirements in (None, NEAR, NEAR)]
    pids = {admin_of(system, actor), *(call(system, each, "where").pid for each in (actor, *children))}
    assert len(pids) == 3

    def rests() -> bool:
        before = {pid: switches(pid) for pid in pids}
        time.sleep(SECONDS)
        return all(switches(pid) - before[pid] <= WAKE_UPS for pid in pids)

    eventually(rests, "a while without work")
    system.shutdown()


def switches(pid: int) -> int:
    """How often it went to sleep, of its own will."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))


def test_a_handler_that_blocks_is_logged_with_its_stack(tmp_path: Path) -> None:
    file = logging.FileHandler(tmp_path / "log")
    logging.getLogger().addHandler(file)
    try:
        system = start(str(tmp_path / "actors"))
        actor = system.createActor(Subject)
        system.tell(actor, Call("block", 0.3))
        assert call(system, actor, "echo", 1) == 1
        system.shutdown()
    finally:
        logging.getLogger().removeHandler(file)
        file.close()
    text = (tmp_path / "log").read_text()
    assert "messages have blocked the loop for 100 ms" in text
    assert "in do_block" in text


def test_sigterm_to_the_admin_ends_the_system_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "actors"
    system = start(str(folder))
    actor = system.createActor(Subject)
    child = call(system, actor, "create")
    pids = [admin_of(system, actor), call(system, actor, "where").pid, call(system, child, "where").pid]
    os.kill(pids[0], signal.SIGTERM)
    eventually(lambda: not any(alive(pid) for pid in pids), "end of all")
    eventually(lambda: len(list(folder.glob("*.sock"))) <= 1, "their sockets are gone: only the asker's is left")


@pytest.mark.parametrize("capability", ["Admin Routing", "Outbound Only"])
def test_what_it_has_not_got_is_refused_at_the_start(tmp_path: Path, capability: str) -> None:
    with pytest.raises(Unsupported, match=f"does not know the capability '{capability}'.*open the ports"):
        start(str(tmp_path / "actors"), **{capability: True})
