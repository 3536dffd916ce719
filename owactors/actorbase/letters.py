"""Messages on their way to another process."""

from __future__ import annotations

from typing import Any, Protocol

from thespian.actors import ActorAddress, ActorSystemMessage, DeadEnvelope, PoisonMessage

from owactors.actorbase.protocol import Large


def is_exempt(message: Any) -> bool:
    """What may not be lost for want of room: Thespian's own words, such as exits. Not those that carry a message."""
    return isinstance(message, ActorSystemMessage) and not isinstance(message, (DeadEnvelope, PoisonMessage))


class Letter:
    """One message, packed; settled exactly once with a SendStatus of Thespian."""

    __slots__ = ("frame", "message", "target")

    def __init__(self, target: ActorAddress, message: Any, frame: bytes | Large) -> None:
        self.target, self.message, self.frame = target, message, frame

    def settle(self, status: Any) -> None:
        raise NotImplementedError


class IntentLetter(Letter):
    """Sent by Thespian's own code: its intent hears of the end."""

    __slots__ = ("intent",)

    def __init__(self, intent: Any, frame: bytes | Large) -> None:
        super().__init__(intent.targetAddr, intent.message, frame)
        self.intent = intent

    def settle(self, status: Any) -> None:
        self.intent.tx_done(status)


class Owner(Protocol):
    def returned(self, target: ActorAddress, message: Any, status: Any) -> None: ...


class ActorLetter(Letter):
    """Sent by an actor: it hears only of what could not be delivered."""

    __slots__ = ("owner",)

    def __init__(self, owner: Owner, target: ActorAddress, message: Any, frame: bytes | Large) -> None:
        super().__init__(target, message, frame)
        self.owner = owner

    def settle(self, status: Any) -> None:
        if not status:
            self.owner.returned(self.target, self.message, status)
