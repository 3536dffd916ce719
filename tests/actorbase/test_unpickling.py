"""What the restricted unpickler lets through, and what not."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import os
import pickle
import subprocess
import uuid
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest
from attrs import define, frozen
from thespian.actors import ActorExitRequest, ActorSystem, ChildActorExited, PoisonMessage, WakeupMessage
from thespian.system.addressManager import ActorLocalAddress
from thespian.system.messages.admin import QueryAck, SystemShutdown

from owactors.actorbase import unpickling
from owactors.actorbase.addresses import address
from owactors.actorbase.unpickling import Forbidden, allow, loads


@frozen
class Value:
    number: int
    more: Any = None


@define(slots=False)
class Open:
    number: int


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    left: int
    right: int


class Plain:
    pass


class Runs:
    """A pickle that calls a function of its choice."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickling, "_EXTRA_PREFIXES", set())
    unpickling._KNOWN.clear()
    allow(__name__)


@pytest.mark.parametrize(
    "message",
    [
        Value(1, Value(2)),
        Open(3),
        Colour.RED,
        Pair(1, 2),
        None,
        [1, 2.5, "x", b"y", (1,), {2}, frozenset({3}), {"a": [True]}],
        collections.OrderedDict(a=1),
        collections.deque([1], 5),
        datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
        datetime.timedelta(seconds=3),
        decimal.Decimal("1.5"),
        uuid.UUID(int=7),
        PurePosixPath("/a"),
        address("127.0.0.1", 5, 6),
        range(3),
    ],
    ids=lambda message: type(message).__name__,
)
def test_values_pass(message: Any) -> None:
    assert loads(pickle.dumps(message, 5)) == message


def test_thespians_messages_pass() -> None:
    for message in [
        ActorExitRequest(),
        ChildActorExited(address("127.0.0.1", 5)),
        PoisonMessage(Value(1), "why"),
        WakeupMessage(datetime.timedelta(seconds=1), "x"),
        QueryAck("a", "b", False),
        SystemShutdown(),
    ]:
        assert type(loads(pickle.dumps(message, 5))) is type(message)


def test_exceptions_pass() -> None:
    assert str(loads(pickle.dumps(OSError(2, "gone")))) == str(OSError(2, "gone"))
    assert isinstance(loads(pickle.dumps(KeyError("x"))), KeyError)


@pytest.mark.parametrize(
    "bomb",
    [
        Runs(os.system, "true"),
        Runs(eval, "1"),
        Runs(exec, "pass"),
        Runs(getattr, 1, "real"),
        Runs(__import__, "os"),
        Runs(open, "/etc/passwd"),
        Runs(subprocess.Popen, ["true"]),
        Runs(pickle.loads, b"N."),
        Runs(ActorSystem),
        Runs(ActorLocalAddress, None, 0, None),
        Runs(allow, "os"),
        Runs(type, "X", (), {}),
        Runs(map, len, []),
    ],
    ids=lambda bomb: getattr(bomb.call[0], "__qualname__", "?"),
)
def test_functions_and_other_classes_do_not_pass(bomb: Runs) -> None:
    with pytest.raises(Forbidden):
        loads(pickle.dumps(bomb, 5))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("owactors.actorbase.processes", "fork"),
        ("owactors.actorbase.transport", "ProcessTransport"),
        ("owactors.actorbase.base", "ActorSystemBase"),
        ("owactors.actorbase.sockets", "socket.socket"),
        ("owactors.actorbase.base", "os.system"),
        ("thespian.actors", "Actor"),
        ("thespian.system.multiprocCommon", "multiprocessing.Process"),
        ("thespian.runcommand", "RunCommand"),
        ("builtins", "BaseException.__subclasses__"),
        ("builtins", "SystemExit"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_names_are_looked_at_closely(module: str, name: str, protocol: int) -> None:
    if protocol < 4:
        data = b"c" + f"{module}\n{name}\n".encode() + b"."
    else:
        texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
        data = b"\x80\x04" + texts + b"\x93."
    with pytest.raises(Forbidden):
        loads(data)


def test_a_class_must_be_named_by_its_home() -> None:
    allow("tests.")
    data = b"c" + f"{__name__}\nPurePosixPath\n".encode() + b"."
    with pytest.raises(Forbidden):
        loads(data)


def test_our_classes_must_hold_data() -> None:
    unpickling._EXTRA_PREFIXES.clear()
    unpickling._KNOWN.clear()
    with pytest.raises(Forbidden):
        loads(pickle.dumps(Value(1)))
    assert unpickling._holds_data(Value)
    assert not unpickling._holds_data(Plain)
