"""Two transports in one process: TCP with seals, broken connections, a stalled reader, a stale peer."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import ActorSystem
from thespian.system.transport import ReceiveEnvelope, TransmitIntent, TransmitOnly

from owactors.actorbase import limits, sendqueue
from owactors.actorbase.addresses import Address
from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.frames import SEAL_SIZE
from owactors.actorbase.handshake import Caller
from owactors.actorbase.site import FOLDER, KEY_FILE, LISTEN, PORT, Site, parse_address
from owactors.actorbase.sockets import connect_unix
from owactors.actorbase.transport import ProcessTransport
from tests.actorbase import certificates
from tests.actorbase.running import SECONDS, call, eventually, need, start
from tests.actorbase.system_actors import Call, Subject


class Receiver:
    """A transport that collects messages in a thread of its own."""

    def __init__(self, site: Site) -> None:
        self.transport = ProcessTransport(site)
        self.got: list[Any] = []
        self._thread = threading.Thread(target=self.transport.run, args=(self._handle,), daemon=True)
        self._thread.start()

    def _handle(self, envelope: ReceiveEnvelope) -> bool:
        self.got.append(envelope.message)
        return envelope.message != "stop"

    @property
    def address(self) -> Address:
        return self.transport.myAddress

    def do(self, function: Any, *args: Any) -> None:
        self.transport.loop.call_soon_threadsafe(function, *args)

    def cut(self) -> None:
        """Break all connections, from the loop's thread."""
        for connection in list(self.transport._incoming):
            connection.close()

    def close(self) -> None:
        if self.transport.closed:
            return
        self.do(self.transport.finish, None)
        self._thread.join(SECONDS)
        self.transport.close()


def site(folder: Path, **more: Any) -> Site:
    return Site.of({FOLDER: str(folder), PORT: 1900, **more})


def send(sender: ProcessTransport, target: Address, *messages: Any) -> list[Any]:
    """Send and wait until all is acknowledged or given up; the statuses."""
    statuses: list[Any] = []
    for message in messages:
        intent = TransmitIntent(target, message)
        intent.addCallback(lambda status, _: statuses.append(status), lambda status, _: statuses.append(status))
        sender.scheduleTransmit(None, intent)
    eventually(lambda: not sender.run(TransmitOnly, SECONDS), "sent")
    return statuses


@pytest.fixture(params=["unix", "tcp", "ipv6", "tls"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ProcessTransport, Receiver]]:
    """A sender and a receiver; with different folders they meet on TCP only, with TLS if they have certificates."""
    if request.param == "unix":
        sites = [site(tmp_path)] * 2
    else:
        more = {KEY_FILE: str(tmp_path / "common"), LISTEN: "127.0.0.1"}
        if request.param == "ipv6":
            need("::1")
            more[LISTEN] = "::1"
        elif request.param == "tls":
            more |= certificates.make(tmp_path / "certificates")
        sites = [site(tmp_path / "a", **more), site(tmp_path / "b", **more)]
    sender, receiver = ProcessTransport(sites[0], external=True), Receiver(sites[1])
    yield sender, receiver
    receiver.close()
    sender.close()


def test_messages_arrive_in_order(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    messages = [bytes(number * 7) for number in range(500)]
    assert len(send(sender, receiver.address, *messages)) == 500
    eventually(lambda: receiver.got == messages, "all")


def test_a_large_message_arrives(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    send(sender, receiver.address, bytes(20 << 20), "after")
    eventually(lambda: [len(message) for message in receiver.got] == [20 << 20, 5], "both")


def test_broken_connections_lose_and_repeat_nothing(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    sent = 0
    for _ in range(20):
        batch = list(range(sent, sent + 200))
        sent += 200
        receiver.do(receiver.cut)
        send(sender, receiver.address, *batch)
    eventually(lambda: len(receiver.got) >= sent, "all")
    assert receiver.got == list(range(sent))


def post(sender: ProcessTransport, target: Address, number: int, message: Any) -> None:
    """From the actor with this number, without waiting."""
    sender.scheduleTransmit(None, TransmitIntent(target, message), sender=number)


def sent(sender: ProcessTransport) -> None:
    eventually(lambda: not sender.run(TransmitOnly, SECONDS), "sent")


def test_a_large_message_stops_no_letter_of_another_actor(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    send(sender, receiver.address, "connected")
    post(sender, receiver.address, 1, bytes(60 << 20))
    post(sender, receiver.address, 1, "after")
    post(sender, receiver.address, 2, "beside")
    sent(sender)
    eventually(lambda: len(receiver.got) == 4, "all")
    assert [len(message) for message in receiver.got] == [9, 6, 60 << 20, 5]


def test_large_messages_survive_broken_connections(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    for round in range(8):
        for number in (1, 2):
            post(sender, receiver.address, number, (round, number, bytes(3 << 20)))
            post(sender, receiver.address, number, (round, number, "after"))
        receiver.do(receiver.cut)
        sender.run(TransmitOnly, 0.005)
        receiver.do(receiver.cut)
    sent(sender)
    eventually(lambda: len(receiver.got) >= 32, "all")
    for actor in (1, 2):
        got = [(round, len(what)) for round, number, what in receiver.got if number == actor]
        assert got == [each for round in range(8) for each in ((round, 3 << 20), (round, 5))]


def test_thousands_of_callers_at_once(tmp_path: Path) -> None:
    """3,000, or as many as two ends each fit into this process's descriptors."""
    sender, receiver = ProcessTransport(site(tmp_path), external=True), Receiver(site(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    count = min(3000, (min(hard, 8192) - 500) // 2)
    callers: list[socket.socket] = []
    try:
        for number in range(count):
            callers.append(connect_unix(str(tmp_path), receiver.address.addressDetails.sockname[1]))
            callers[-1].setblocking(True)
            callers[-1].settimeout(SECONDS)
            caller = Caller(sender.key)
            callers[-1].sendall(caller.greeting())
            callers[-1].sendall(caller.receive(callers[-1].recv(4096)))
            if not number % 100:
                send(sender, receiver.address, number)
        assert receiver.got == list(range(0, count, 100))
        assert len(receiver.transport._incoming) > count
    finally:
        for each in callers:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        receiver.close()
        sender.close()


def test_a_changed_byte_ends_a_tcp_connection_and_the_letter_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {KEY_FILE: str(tmp_path / "common"), LISTEN: "127.0.0.1"}
    sender, receiver = ProcessTransport(site(tmp_path / "a", **more)), Receiver(site(tmp_path / "b", **more))
    try:
        send(sender, receiver.address, "one")
        rejected = COUNTERS.frames_rejected
        outbox = next(iter(sender.peers.values()))._outbox
        assert outbox is not None
        assert outbox._seal is not None
        monkeypatch.setattr(outbox._seal, "seal", lambda frame: bytes(SEAL_SIZE))
        send(sender, receiver.address, "two")
        eventually(lambda: receiver.got == ["one", "two"], "both")
        assert COUNTERS.frames_rejected == rejected + 1
    finally:
        receiver.close()
        sender.close()


def test_a_peer_that_refuses_is_dead_at_once(pair: tuple[ProcessTransport, Receiver]) -> None:
    sender, receiver = pair
    receiver.close()
    statuses = send(sender, receiver.address, "late")
    assert [bool(status) for status in statuses] == [False]


def test_another_process_on_the_port_does_not_get_old_letters(tmp_path: Path) -> None:
    sender, first = ProcessTransport(site(tmp_path)), Receiver(site(tmp_path))
    send(sender, first.address, "one")
    first.transport.incarnation = b"another process!"
    first.do(first.cut)
    eventually(lambda: not first.transport._incoming, "cut")
    statuses = send(sender, first.address, "two")
    eventually(lambda: first.got, "one")
    assert (first.got, [bool(status) for status in statuses]) == (["one"], [False])
    first.close()
    sender.close()


def test_a_stalled_reader_stops_the_sender_and_bounds_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sendqueue, "MAX_UNACKED_FRAMES", limits.PAUSE_FRAMES * 2)
    sender, receiver = ProcessTransport(site(tmp_path)), Receiver(site(tmp_path))
    gate = threading.Event()
    receiver.do(gate.wait, SECONDS)
    count = limits.PAUSE_FRAMES * 3
    statuses: list[bool] = []
    for number in range(count):
        intent = TransmitIntent(receiver.address, number)
        intent.addCallback(lambda *_: statuses.append(True), lambda *_: statuses.append(False))
        sender.scheduleTransmit(None, intent)
    gate.set()
    eventually(lambda: not sender.run(TransmitOnly, SECONDS), "sent")
    eventually(lambda: len(statuses) == count, "all settled")
    eventually(lambda: len(receiver.got) >= limits.PAUSE_FRAMES * 2, "all that was accepted")
    assert receiver.got == list(range(limits.PAUSE_FRAMES * 2))
    assert statuses.count(False) == limits.PAUSE_FRAMES
    receiver.close()
    sender.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_systems_with_one_key_meet_over_tcp(tmp_path: Path, host: str) -> None:
    need(host)
    more = {KEY_FILE: str(tmp_path / "common"), LISTEN: host}
    one, two = start(str(tmp_path / "one"), **more), start(str(tmp_path / "two"), **more)
    try:
        near, far = one.createActor(Subject), two.createActor(Subject)
        assert call(one, far, "echo", "over tcp") == "over tcp"
        one.tell(near, Call("forward", (far, "hello")))
        eventually(lambda: call(two, far, "seen").what == ["hello"], "hello")
    finally:
        two.shutdown()
        one.shutdown()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("127.0.0.1:5", ("127.0.0.1", 5)),
        ("127.0.0.1", ("127.0.0.1", 1900)),
        ("", ("127.0.0.1", 1900)),
        (("127.0.0.1", 7), ("127.0.0.1", 7)),
        ("[fd00::1]:5", ("fd00::1", 5)),
        ("[FD00:0::1]", ("fd00::1", 1900)),
        ("fd00::1", ("fd00::1", 1900)),
    ],
)
def test_leaders_are_named_in_many_ways(text: str | tuple[str, int], name: tuple[str, int]) -> None:
    assert parse_address(text).addressDetails.sockname == name


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_convention_of_two_systems_creates_on_the_other(tmp_path: Path, host: str) -> None:
    need(host)
    more = {KEY_FILE: str(tmp_path / "common")}
    first = start_leader(tmp_path / "one", more, host)
    port = first.capabilities[PORT]
    more["Convention Address.IPv4"] = f"{host}:{port}"
    second = start(str(tmp_path / "two"), **more, Special=True)
    try:
        eventually(lambda: _created(first), "an actor on the other system")
    finally:
        second.shutdown()
        first.shutdown()


def start_leader(folder: Path, more: dict[str, Any], host: str) -> ActorSystem:
    from owactors import actorbase

    port = actorbase.capabilities(str(folder))[PORT]
    return start(str(folder), **more, **{"Convention Address.IPv4": f"{host}:{port}"})


def _created(system: ActorSystem) -> bool:
    from thespian.actors import NoCompatibleSystemForActor

    from tests.actorbase.system_actors import Special

    try:
        actor = system.createActor(Special)
    except NoCompatibleSystemForActor:
        return False
    return bool(call(system, actor, "where").pid)
