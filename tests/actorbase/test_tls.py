"""TLS between hosts: with certificates of one authority all works, with anything else nothing is said."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

import pytest
from thespian.system.messages.status import Thespian_StatusReq

from owactors.actorbase import outgoing
from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.keys import BadKeyFile
from owactors.actorbase.site import FOLDER, KEY_FILE, LISTEN, PORT
from owactors.actorbase.tls import AUTHORITY, CERTIFICATE, PRIVATE_KEY, Tls
from owactors.actorbase.transport import ProcessTransport
from tests.actorbase import certificates
from tests.actorbase.running import SECONDS, call, eventually, start
from tests.actorbase.system_actors import Call, Subject
from tests.actorbase.test_connections import Receiver, send, site


def transports(tmp_path: Path, one: dict[str, str], two: dict[str, str]) -> tuple[ProcessTransport, Receiver]:
    more = {KEY_FILE: str(tmp_path / "common"), LISTEN: "127.0.0.1"}
    sender = ProcessTransport(site(tmp_path / "a", **more, **one), external=True)
    return sender, Receiver(site(tmp_path / "b", **more, **two))


def test_it_is_tls_1_3(tmp_path: Path) -> None:
    files = certificates.make(tmp_path / "certificates")
    sender, receiver = transports(tmp_path, files, files)
    try:
        send(sender, receiver.address, "hello")
        eventually(lambda: receiver.got == ["hello"], "hello")
        assert [each.sock.version() for each in receiver.transport._incoming] == ["TLSv1.3"]
    finally:
        receiver.close()
        sender.close()


@pytest.mark.parametrize("case", ["another authority", "none at the caller", "none at the answerer"])
def test_who_has_no_good_certificate_is_not_talked_to(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "RETRY_FOR", 0.5)
    files, others = certificates.make(tmp_path / "one"), certificates.make(tmp_path / "two")
    one, two = {
        "another authority": (files, others),
        "none at the caller": ({}, files),
        "none at the answerer": (files, {}),
    }[case]
    sender, receiver = transports(tmp_path, one, two)
    refused = COUNTERS.connections_refused
    try:
        assert [bool(status) for status in send(sender, receiver.address, "secret")] == [False]
        assert receiver.got == []
        eventually(lambda: COUNTERS.connections_refused > refused, "the count")
    finally:
        receiver.close()
        sender.close()


def test_a_caller_that_trusts_everybody_needs_a_certificate_too(tmp_path: Path) -> None:
    files = certificates.make(tmp_path / "certificates")
    sender, receiver = transports(tmp_path, files, files)
    context = ssl.create_default_context(cafile=files[AUTHORITY])
    context.check_hostname = False
    try:
        plain = socket.create_connection(receiver.address.addressDetails.sockname, SECONDS)
        with context.wrap_socket(plain) as stranger, pytest.raises(ssl.SSLError):
            stranger.sendall(b"OWA1")
            stranger.recv(1)
    finally:
        receiver.close()
        sender.close()


def test_a_stranger_who_never_shakes_hands_is_one_of_few(tmp_path: Path) -> None:
    files = certificates.make(tmp_path / "certificates")
    sender, receiver = transports(tmp_path, files, files)
    try:
        with socket.create_connection(receiver.address.addressDetails.sockname, SECONDS):
            eventually(lambda: receiver.transport._opening, "the stranger")
            send(sender, receiver.address, "meanwhile")
            eventually(lambda: receiver.got == ["meanwhile"], "a letter")
    finally:
        receiver.close()
        sender.close()


def test_files_are_checked_at_the_start(tmp_path: Path) -> None:
    files = certificates.make(tmp_path / "certificates")
    assert Tls.of({FOLDER: "x", PORT: 1}) is None
    with pytest.raises(ValueError, match="together"):
        Tls.of({CERTIFICATE: files[CERTIFICATE]})
    os.chmod(files[PRIVATE_KEY], 0o644)
    with pytest.raises(BadKeyFile):
        Tls.of(files)


def test_systems_meet_over_tls(tmp_path: Path) -> None:
    more = {KEY_FILE: str(tmp_path / "common"), LISTEN: "127.0.0.1", **certificates.make(tmp_path / "certificates")}
    one, two = start(str(tmp_path / "one"), **more), start(str(tmp_path / "two"), **more)
    try:
        near, far = one.createActor(Subject), two.createActor(Subject)
        assert call(one, far, "length", bytes(5 << 20)) == 5 << 20
        one.tell(near, Call("forward", (far, "hello")))
        eventually(lambda: call(two, far, "seen").what == ["hello"], "hello")
        counters = dict(two.ask(far, Thespian_StatusReq(), SECONDS).miscKeyVals)
        assert counters["owactors.connections_refused"] == 0
    finally:
        two.shutdown()
        one.shutdown()
