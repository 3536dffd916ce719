"""The activations under way and who waits for them. (OpenWhisk, CommonLoadBalancer.scala.)

A slot is taken when an activation is published and freed by its completion, or by force when none came in time.
Counters are kept per namespace (by uuid) and per invoker.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TypeVar

from attrs import evolve, field, frozen, mutable

from owactors.entity.transaction import TransactionId
from owactors.message.ack import AcknowledgementMessage, CompletionMessage, Response, ResultMessage

Key = TypeVar("Key", str, int)
STANDARD_TIME_LIMIT = 60_000


@frozen
class CompletionTimeout:
    """How long a slot may be taken: max(time limit, standard) x factor + addon (seconds)."""

    factor: float = 2.0
    addon: float = 60.0
    standard: int = STANDARD_TIME_LIMIT

    def seconds(self, time_limit: int) -> float:
        """For an action whose time limit is `time_limit` ms."""
        return max(time_limit, self.standard) / 1000 * self.factor + self.addon


@frozen
class ActivationEntry:
    """A taken slot. `memory` in MB, `deadline` in seconds of the shell's clock."""

    activation_id: str
    namespace_uuid: str
    invoker: int
    memory: int
    transid: TransactionId
    action: str
    max_concurrent: int
    blocking: bool
    deadline: float
    #: how long the slot may be taken, from its publication to the deadline
    patience: float = 0.0


class CompletionKind(Enum):
    """How a completion met its slot; the names of the original's metric."""

    REGULAR = "regular"
    FORCED = "forced"
    HEALTHCHECK = "healthcheck"
    REGULAR_AFTER_FORCED = "regularAfterForced"
    FORCED_AFTER_REGULAR = "forcedAfterRegular"


@frozen
class Resolve:
    """Answer whoever waits for the activation: with its record, or its id when the record must be looked up."""

    activation_id: str
    response: Response


@frozen
class Release:
    """The slot is free: give its place on the invoker back. `is_system_error` None: nothing was heard of it."""

    entry: ActivationEntry
    kind: CompletionKind
    is_system_error: bool | None


@frozen
class Observe:
    """A completion without a slot: only counted."""

    activation_id: str
    transid: TransactionId
    kind: CompletionKind


Instruction = Resolve | Release | Observe


@mutable
class ActivationSlots:
    """All slots of one controller."""

    entries: dict[str, ActivationEntry] = field(factory=dict)
    waiting: set[str] = field(factory=set)
    by_namespace: Counter[str] = field(factory=Counter)
    by_invoker: Counter[int] = field(factory=Counter)

    def take(self, entry: ActivationEntry) -> None:
        """A slot for an activation that is about to be sent. ValueError if its id is in use."""
        if entry.activation_id in self.entries:
            raise ValueError(f"activation {entry.activation_id} is already under way")
        self.entries[entry.activation_id] = entry
        self.by_namespace[entry.namespace_uuid] += 1
        self.by_invoker[entry.invoker] += 1
        if entry.blocking:
            self.waiting.add(entry.activation_id)

    def acknowledge(self, ack: AcknowledgementMessage) -> list[Instruction]:
        """What an acknowledgement leads to; the completion comes before the result, as in the original."""
        instructions: list[Instruction] = []
        if not isinstance(ack, ResultMessage):
            instructions.append(self._complete(ack.activation_id, ack.transid, bool(ack.is_system_error)))
        if not isinstance(ack, CompletionMessage) and ack.activation_id in self.waiting:
            self.waiting.discard(ack.activation_id)
            instructions.append(Resolve(ack.activation_id, ack.response))
        return instructions

    def _complete(self, activation_id: str, transid: TransactionId, is_system_error: bool) -> Instruction:
        entry = self._free(activation_id)
        if entry is not None:
            return Release(entry, CompletionKind.REGULAR, is_system_error)
        health = transid.id == "sid_invokerHealth"
        kind = CompletionKind.HEALTHCHECK if health else CompletionKind.REGULAR_AFTER_FORCED
        return Observe(activation_id, transid, kind)

    def overdue(self, now: float) -> list[ActivationEntry]:
        """The slots whose completion did not come in time."""
        return [entry for entry in self.entries.values() if entry.deadline <= now]

    def force(self, activation_id: str, transid: TransactionId) -> list[Instruction]:
        """Free a slot without its completion; whoever waits is left to find the record in the store."""
        entry = self._free(activation_id)
        if entry is None:
            return [Observe(activation_id, transid, CompletionKind.FORCED_AFTER_REGULAR)]
        self.waiting.discard(activation_id)
        return [Release(entry, CompletionKind.FORCED, None)]

    def withdraw(self, activation_id: str) -> ActivationEntry | None:
        """The activation was not sent after all; its slot, None if it is free already."""
        self.waiting.discard(activation_id)
        return self._free(activation_id)

    def move(self, activation_id: str, invoker: int, now: float) -> None:
        """The activation was sent to another invoker, and has its time again."""
        entry = self.entries[activation_id]
        _decrement(self.by_invoker, entry.invoker)
        self.by_invoker[invoker] += 1
        self.entries[activation_id] = evolve(entry, invoker=invoker, deadline=max(entry.deadline, now + entry.patience))

    def of_invoker(self, invoker: int) -> list[ActivationEntry]:
        """What is under way on an invoker."""
        return [entry for entry in self.entries.values() if entry.invoker == invoker]

    def _free(self, activation_id: str) -> ActivationEntry | None:
        entry = self.entries.pop(activation_id, None)
        if entry is not None:
            _decrement(self.by_namespace, entry.namespace_uuid)
            _decrement(self.by_invoker, entry.invoker)
        return entry

    @property
    def total(self) -> int:
        """Activations under way."""
        return len(self.entries)

    @property
    def memory(self) -> int:
        """Memory of the activations under way, in MB."""
        return sum(entry.memory for entry in self.entries.values())

    def validate(self) -> None:
        """Raises AssertionError if the counters do not agree with the slots."""
        assert sum(self.by_namespace.values()) == len(self.entries), self
        assert sum(self.by_invoker.values()) == len(self.entries), self
        assert all(count > 0 for count in self.by_namespace.values()), self.by_namespace


def _decrement(counter: Counter[Key], key: Key) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
