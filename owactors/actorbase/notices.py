"""What admins and managers tell each other beyond Thespian's own messages: signs of life, children on other hosts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from thespian.actors import ActorAddress, ActorSystemMessage


class Notice(ActorSystemMessage):  # type: ignore[misc]
    """May be unpickled."""

    __message__: ClassVar[bool] = True


class Ping(Notice):
    """From admin to admin: show that you live."""


class Pong(Notice):
    """The answer."""


@dataclass(frozen=True)
class ChildElsewhere(Notice):
    """From a parent to its admin: the admin `host` has made this child for me; `pid` is my process."""

    parent: ActorAddress
    child: ActorAddress
    host: ActorAddress
    pid: int


@dataclass(frozen=True)
class ChildElsewhereGone(Notice):
    """From a parent to its admin: this child on another host has ended."""

    child: ActorAddress


@dataclass(frozen=True)
class Claim(Notice):
    """From admin to admin: the parent of this child of yours lives here; if we die, end it."""

    child: ActorAddress
