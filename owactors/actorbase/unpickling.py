"""An unpickler that knows only messages: Thespian's own, our values, a few of Python's, and registered extras.

Only classes are ever found, never functions, and of our classes only those that hold data (attrs classes, enums,
exceptions, named tuples). It runs after a frame was authenticated, so it limits what a bug or a stolen key can do.
"""

from __future__ import annotations

import enum
import importlib
import io
import pickle
from collections.abc import Sequence
from typing import Any

from thespian.actors import ActorAddress, ActorSystemMessage, ThespianWatch

from owactors.actorbase.parts import PieceReader

OURS = "owactors."
_EXTRA_PREFIXES: set[str] = set()

PLAIN = {
    "builtins": "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple",
    "collections": "deque OrderedDict defaultdict Counter",
    "copyreg": "_reconstructor",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "ipaddress": "IPv4Address IPv6Address IPv4Network IPv6Network",
    "logging": "LogRecord",
    "pathlib": "PosixPath PurePosixPath",
    "uuid": "UUID SafeUUID",
    "zoneinfo": "ZoneInfo",
}
THESPIAN_DATA: dict[str, set[str] | None] = {
    "thespian.troupe": {"UpdateTroupeSettings", "_TroupeMemberReady", "_TroupeWork"},
    "thespian.system.timing": None,
    "thespian.system.transport": {"ForwardMessage"},
    "thespian.system.transport.IPBase": None,
    "thespian.system.transport.TCPTransport": {"RoutedTCPv4ActorAddress", "TXOnlyAdminTCPv4ActorAddress"},
    "thespian.system.sourceLoader": {"SourceHashFinder"},
    "thespian.system.admin.adminCore": {"ValidSource", "PendingSource"},
}


class Forbidden(pickle.UnpicklingError):
    """The pickle names something that is not a message."""


def allow(*prefixes: str) -> None:
    """Also accept the classes of these modules (a module's full name, or a package with a dot at the end)."""
    _EXTRA_PREFIXES.update(prefixes)
    _KNOWN.clear()


_KNOWN: dict[tuple[str, str], Any] = {}


class MessageUnpickler(pickle.Unpickler):
    """pickle.Unpickler with a closed door."""

    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get((module, name))
        if known is None:
            known = _KNOWN[module, name] = _find(module, name)
        return known


def loads(data: bytes | memoryview | Sequence[memoryview]) -> Any:
    """The message in this pickle, or in these pieces of one. Forbidden, or whatever its construction raises."""
    file = io.BytesIO(data) if isinstance(data, (bytes, memoryview)) else PieceReader(data)
    return MessageUnpickler(file).load()


def _find(module: str, name: str) -> Any:
    if name in PLAIN.get(module, "").split():
        return getattr(importlib.import_module(module), name)
    if not _permitted_module(module):
        raise Forbidden(f"{module}.{name} is not a message")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or not _permitted_class(found, module):
        raise Forbidden(f"{module}.{name} is not a message")
    return found


def _permitted_module(module: str) -> bool:
    return module == "builtins" or module.startswith((OURS, "thespian.")) or _extra(module)


def _extra(module: str) -> bool:
    return any(module == prefix or (prefix.endswith(".") and module.startswith(prefix)) for prefix in _EXTRA_PREFIXES)


def _permitted_class(found: type, module: str) -> bool:
    home = found.__module__
    if home == "builtins":
        return issubclass(found, Exception)
    if home != module:
        return False  # found through another module's imports
    if module.startswith(OURS):
        return _holds_data(found)
    if module.startswith("thespian."):
        return _of_thespian(found, home) or _extra(module)
    return True


def _holds_data(found: type) -> bool:
    """Values; `__message__ = True` marks classes of other kinds that are safe to construct."""
    if issubclass(found, (enum.Enum, Exception, ActorAddress)):
        return True
    named_tuple = issubclass(found, tuple) and hasattr(found, "_fields")
    return "__attrs_attrs__" in vars(found) or named_tuple or getattr(found, "__message__", False)


def _of_thespian(found: type, home: str) -> bool:
    if issubclass(found, (ActorSystemMessage, ActorAddress, ThespianWatch)):
        return True
    if home.startswith("thespian.system.messages."):
        return True
    names = THESPIAN_DATA.get(home, set())
    return names is None or found.__name__ in names
