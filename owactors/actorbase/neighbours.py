"""What an admin does about other hosts: notices their death, tells parents, ends orphans, refuses creates for them.

Thespian's conventions notice a dead member after 22 minutes, never tell the parents of its actors, and leave a create
that was forwarded to it without an answer. Here every admin that matters to us is asked each second for a sign of
life, and counts as dead when it refuses, or is silent for SILENT seconds.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from thespian.actors import ActorAddress, ActorExitRequest, ChildActorExited, NoCompatibleSystemForActor
from thespian.system.admin import convention
from thespian.system.admin.convention import LostRemote
from thespian.system.messages.admin import PendingActorResponse
from thespian.system.transport import ReceiveEnvelope, SendStatus, TransmitIntent

from owactors.actorbase.addresses import Address
from owactors.actorbase.limits import CREATE_WITHIN, LATE_TICK, PING_EVERY, REGISTER_EVERY, SILENT
from owactors.actorbase.notices import ChildElsewhere, Claim, Ping, Pong
from owactors.actorbase.processes import ProcessWatch

LOG = logging.getLogger(__name__)


def shorten_convention_periods() -> None:
    """Members register every few seconds, not minutes, unless Thespian's environment variables say otherwise."""
    for name in ("CONVENTION_REREGISTRATION_PERIOD", "CONVENTION_RESTART_PERIOD"):
        if name not in os.environ:
            setattr(convention, name, REGISTER_EVERY)


class Neighbours:
    """Base of Admin: what it knows of other hosts. Expects to be mixed in before Thespian's admin."""

    host: Any
    transport: Any
    capabilities: dict[str, Any]
    _cstate: Any
    _watch: ProcessWatch | None

    def start_neighbours(self) -> None:
        """Called once, when the admin is complete."""
        self._heard: dict[ActorAddress, float] = {}
        self._elsewhere: dict[ActorAddress, ChildElsewhere] = {}
        self._parents: dict[int, set[ActorAddress]] = {}
        self._claims: dict[ActorAddress, set[ActorAddress]] = {}
        self._forwarded: list[tuple[float, ActorAddress, Any]] = []
        self._ticked = time.monotonic()
        self.host.loop.call_later(PING_EVERY, self._tick)

    # -- signs of life

    def _tick(self) -> None:
        now = time.monotonic()
        late, self._ticked = now - self._ticked > PING_EVERY + LATE_TICK, now
        self._forwarded = [each for each in self._forwarded if now - each[0] < CREATE_WITHIN]
        watched = set(self._watched())
        # When we could not look ourselves, silence says nothing about the others.
        self._heard = {each: now if late else self._heard.get(each, now) for each in watched}
        for each in watched:
            if now - self._heard[each] > SILENT:
                LOG.warning("%s has been silent for %.0f s: it counts as dead", each, SILENT)
                self._lost(each)
            else:
                self._tell(each, Ping(), self._unreachable)
        self.host.loop.call_later(PING_EVERY, self._tick)

    def _watched(self) -> Iterator[ActorAddress]:
        for member in self._cstate._conventionMembers.values():
            if not member.permanentEntry:
                yield member.remoteAddress
        yield from (each.host for each in self._elsewhere.values())
        yield from self._claims
        yield from (remote for _, remote, _ in self._forwarded)

    def _unreachable(self, result: Any, intent: Any) -> None:
        if result == SendStatus.DeadTarget:
            self.host.loop.call_soon(self._lost, intent.targetAddr)

    def h_Ping(self, envelope: ReceiveEnvelope) -> bool:
        self._tell(envelope.sender, Pong())
        return True

    def h_Pong(self, envelope: ReceiveEnvelope) -> bool:
        if envelope.sender in self._heard:
            self._heard[envelope.sender] = time.monotonic()
        return True

    def _tell(self, target: ActorAddress, message: Any, failed: Any = None) -> None:
        intent = TransmitIntent(target, message)
        if failed is not None:
            intent.addCallback(onFailure=failed)
        self._send_intent(intent)  # type: ignore[attr-defined]

    # -- death of a host

    def _lost(self, remote: ActorAddress) -> None:
        if remote not in self._heard:
            return
        del self._heard[remote]
        if self._cstate._conventionMembers.find(remote):
            self._performIO(self._cstate._remote_system_cleanup(remote))
        else:
            self._performIO([LostRemote(remote)])

    def _performIO(self, operations: list[Any]) -> Any:
        """Thespian's way to do what its conventions decided."""
        for each in operations:
            if hasattr(each, "orig_create_envelope"):
                self._forwarded.append((time.monotonic(), each.targetAddr, each.orig_create_envelope))
        result = super()._performIO(operations)  # type: ignore[misc]
        for each in operations:
            if isinstance(each, LostRemote):
                self._clean_up(each.lost_addr)
        return result

    def _clean_up(self, remote: ActorAddress) -> None:
        """Tell the parents here, end the children here, answer the creates that were sent there."""
        for lost in [each for each in self._elsewhere.values() if each.host == remote]:
            self._forget_child(lost.child)
            self._tell(lost.parent, ChildActorExited(lost.child))
        for child in self._claims.pop(remote, set()):
            self._tell(child, ActorExitRequest())
        refused = [each for each in self._forwarded if each[1] == remote]
        self._forwarded = [each for each in self._forwarded if each[1] != remote]
        for _, _, envelope in refused:
            self._refuse(envelope)

    # -- creates for other hosts

    def _refuse(self, envelope: Any) -> None:
        code = PendingActorResponse.ERROR_No_Compatible_ActorSystem
        self._sendPendingActorResponse(envelope, None, errorCode=code, errorStr="")  # type: ignore[attr-defined]

    def _pending_send_failed(self, result: Any, intent: Any) -> None:
        """The system that should create an actor cannot be reached: another one, or a refusal."""
        envelope = intent.orig_create_envelope
        self._forwarded = [each for each in self._forwarded if each[2] is not envelope]
        try:
            self._not_compatible(envelope)  # type: ignore[attr-defined]
        except NoCompatibleSystemForActor:
            self._refuse(envelope)

    # -- children elsewhere, and children of parents elsewhere

    def h_ChildElsewhere(self, envelope: ReceiveEnvelope) -> bool:
        notice: ChildElsewhere = envelope.message
        self._elsewhere[notice.child] = notice
        self._tell(notice.host, Claim(notice.child), self._unreachable)
        if notice.pid not in self._parents:
            self._parents[notice.pid] = set()
            self._watch = self._watch or ProcessWatch(self.host.loop)
            ended = partial(self._parent_ended, notice.pid)
            try:
                self._watch.watch(notice.pid, ended)
            except ProcessLookupError:
                self.host.loop.call_soon(ended)
        self._parents[notice.pid].add(notice.child)
        return True

    def h_ChildElsewhereGone(self, envelope: ReceiveEnvelope) -> bool:
        self._forget_child(envelope.message.child)
        return True

    def _forget_child(self, child: ActorAddress) -> None:
        notice = self._elsewhere.pop(child, None)
        if notice is not None and notice.pid in self._parents:
            self._parents[notice.pid].discard(child)

    def _parent_ended(self, pid: int) -> None:
        """The kernel ends orphans of this host only."""
        for child in self._parents.pop(pid, set()):
            if self._elsewhere.pop(child, None) is not None:
                self._tell(child, ActorExitRequest())

    def h_Claim(self, envelope: ReceiveEnvelope) -> bool:
        self._claims.setdefault(envelope.sender, set()).add(envelope.message.child)
        return True

    def _handleChildExited(self, child: ActorAddress) -> Any:
        for remote, children in list(self._claims.items()) if isinstance(child, Address) else []:
            children.discard(child)
            if not children:
                del self._claims[remote]
        return super()._handleChildExited(child)  # type: ignore[misc]
