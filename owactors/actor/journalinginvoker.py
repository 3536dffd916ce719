"""An invoker that writes down what it takes until that is answered and recorded.

What a dead process had not begun runs again in the next one; what had begun ends with the cause.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.beginnings import BEGINNINGS
from owactors.actor.httpinvoker import HttpInvoker
from owactors.actor.invoker import Invoker
from owactors.actor.io import on
from owactors.core.invoker.intake import PlaceRun
from owactors.core.invoker.leftovers import Leftover, leftover
from owactors.core.invoker.reading import Unreadable, salvaged
from owactors.entity.activation import ActivationResponse
from owactors.entity.errors import DeserializationError
from owactors.message.activation import ActivationMessage
from owactors.store.intakejournal import IntakeJournal, TakenActivation

LOST = "The invoker ended while the activation was under way there. It may have run."
STRANDED = "The activation was on its way to its invoker when the connection broke. It has not run there."
SETTLE_SECONDS = 0.5
#: what was taken and not committed comes again within this time, or never (seconds)
STRANDED_SECONDS = 30.0


@frozen
class _Settle:
    """To self: what was acknowledged is forgotten once its record is kept."""


@frozen
class _Settled:
    """To self: the records of these are kept."""

    activation_ids: tuple[str, ...]


@frozen(eq=False)
class _Checked:
    """To self: whether an old message has a record already; without one it `runs`, or ends."""

    msg: ActivationMessage
    recorded: bool
    runs: bool


class JournalingInvoker(HttpInvoker):
    """See the module's text. Without `open_journal` nothing is written down."""

    _journal: IntakeJournal | None = None
    #: of the process before this one
    _left: Mapping[str, TakenActivation] = {}

    def open_journal(self, path: Path) -> None:
        """OSError."""
        self._journal = IntakeJournal.open(path)
        self._left = self._journal.unfinished
        BEGINNINGS.note = self._journal.begun

    # -- what a dead process left

    def take_up_what_was_left(self) -> None:
        """Once, before anything new is taken up."""
        left, self._left = self._left, {}
        found = {key: leftover(claimed=entry.claimed, begun=entry.begun) for key, entry in left.items()}
        if left:
            begun = sum(each is Leftover.END for each in found.values())
            self.log.warning("%d activations were here when the invoker ended; %d had begun", len(left), begun)
        for key, what in found.items():
            msg = self._read_again(key, left[key])
            if msg is not None and what is Leftover.END:
                self._end(msg, ActivationResponse.whisk_error(LOST))
            elif msg is not None and what is Leftover.RUN:
                self.check_first(msg)
        self.start_timer("settle", SETTLE_SECONDS, _Settle())

    def _read_again(self, key: str, entry: TakenActivation) -> ActivationMessage | None:
        try:
            return ActivationMessage.from_json(entry.message)
        except DeserializationError as error:
            self._refuse_unreadable(Unreadable(str(error), salvaged(entry.message), entry.message))
            self._acknowledged.add(key)
            return None

    def _end_stranded(self) -> None:
        """They were on their way here when something broke, and did not come again."""
        assert self._journal is not None
        oldest = time.monotonic() - STRANDED_SECONDS
        for key, entry in self._journal.unfinished.items():
            if not entry.claimed and entry.since < oldest:
                self._journal.claimed([key])
                msg = self._read_again(key, entry)
                if msg is not None:
                    self.check_first(msg, runs=False)

    # -- activations come in

    def _place(self, instruction: PlaceRun) -> None:
        """A container in a process of its own cannot write down that its call begins."""
        if self._journal is not None and not self._needed().colocate:
            self._journal.begun(instruction.run.msg.activation_id)
        super()._place(instruction)

    def check_first(self, msg: ActivationMessage, *, runs: bool = True) -> None:
        self.spawn(
            self.store.record(msg.user.namespace.name, msg.activation_id),
            done=lambda _: _Checked(msg, recorded=True, runs=runs),
            failed=lambda cause: _Checked(msg, recorded=False, runs=runs),
        )

    @on(_Checked)
    def checked(self, message: _Checked, sender: ActorAddress) -> None:
        """Who gave it up has written its record: then it must not run."""
        msg = message.msg
        if not message.recorded and message.runs:
            self._arrived(msg, sender)
            return
        if not message.recorded:
            self._end(msg, ActivationResponse.whisk_error(STRANDED))
            return
        self.log.warning("activation %s is not run: it has a record already", msg.activation_id)
        self.forget([msg.activation_id])
        self._give_credit(1)

    # -- the journal

    @on(_Settle)
    def settle(self, message: _Settle, sender: ActorAddress) -> None:
        self.start_timer("settle", SETTLE_SECONDS, message)
        self.reply_by_topic()
        if self._journal is not None:
            self._end_stranded()
        ended = tuple(self._acknowledged)
        if ended:
            self.spawn(self.store.flush(), done=lambda _: _Settled(ended), failed=lambda _: _Settled(()))

    @on(_Settled)
    def settled(self, message: _Settled, sender: ActorAddress) -> None:
        self._acknowledged.difference_update(message.activation_ids)
        self.forget(message.activation_ids)

    def forget(self, activation_ids: Iterable[str]) -> None:
        if self._journal is not None:
            self._journal.ended(activation_ids)


JournalingInvoker._does = {**Invoker._does, PlaceRun: JournalingInvoker._place}
