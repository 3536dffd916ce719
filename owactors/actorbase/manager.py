"""The manager of one actor: the short way of a message to its handler, and children in the same process."""

from __future__ import annotations

import atexit
import copy
import logging
import os
import threading
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any

from thespian.actors import (
    ActorAddress,
    ActorExitRequest,
    ChildActorExited,
    DeadEnvelope,
    PoisonMessage,
    ThespianWatch,
)
from thespian.system.actorManager import ActorManager
from thespian.system.addressManager import CannotPickleAddress
from thespian.system.messages.admin import NewCapabilities, PendingActorResponse
from thespian.system.messages.logcontrol import SetLogging
from thespian.system.messages.multiproc import ChildMayHaveDied, EndpointConnected, LoggerConnected
from thespian.system.messages.status import Thespian_StatusReq
from thespian.system.transport import ReceiveEnvelope, SendStatus, TransmitIntent

from owactors.actorbase.addresses import Address, Place
from owactors.actorbase.letters import ActorLetter
from owactors.actorbase.notices import ChildElsewhere, ChildElsewhereGone
from owactors.actorbase.parent import Parent
from owactors.actorbase.port import ActorPort
from owactors.actorbase.protocol import pack_letter

COLOCATE = "colocate"
LOG = logging.getLogger(__name__)
MANAGED = (
    ActorExitRequest,
    ChildActorExited,
    ChildMayHaveDied,
    EndpointConnected,
    LoggerConnected,
    NewCapabilities,
    PendingActorResponse,
    SetLogging,
    Thespian_StatusReq,
    logging.LogRecord,
)
"""Messages that Thespian's manager handles itself or wants to see."""

_is_plain: dict[type, bool] = {}


class Manager(Parent, ActorManager):  # type: ignore[misc]
    """An actor manager of Thespian with a short way for ordinary messages."""

    _leaving = False
    _lingering = False
    """The actor has ended, and its process stays for the children that it has left behind."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        atexit.unregister(self._shutdownActor)  # our processes end without atexit
        port: ActorPort = self.transport
        self.number = port.number
        self.adopt_base(port.host)
        self._me = port.myAddress
        self._answered: set[int] = set()
        """Creates through the admin that have their answer."""
        self._elsewhere: set[ActorAddress] = set()
        """Children on other hosts."""

    # -- messages in

    def take(self, message: Any, sender: ActorAddress) -> bool:
        """Handle one message; False when the actor has ended."""
        kind = type(message)
        plain = _is_plain.get(kind)
        if plain is None:
            plain = _is_plain[kind] = not issubclass(kind, MANAGED)
        if not plain or self._leaving:
            return self._take_managed(message, sender)
        try:
            result = self.actorInst.receiveMessage(message, sender)
        except Exception:
            result = self._again(message, sender)
        if result is not None or self.transport.watched:
            self.transport.set_watch(result.filenos if isinstance(result, ThespianWatch) else [])
        return True

    def _take_managed(self, message: Any, sender: ActorAddress) -> bool:
        if self._lingering:
            return self._take_lingering(message)
        told_by_us = isinstance(message, ChildActorExited) and sender in (self._me, self._adminAddr)
        if told_by_us and message.childAddress not in self._children:
            return True  # known already: it could not be reached at the exit, or its host has told it too
        return bool(self.handleMessages(ReceiveEnvelope(sender, message)))

    def _again(self, message: Any, sender: ActorAddress) -> Any:
        """Thespian's rule: a handler that raises gets the message a second time, then the sender gets poison."""
        LOG.warning("%s raised on %s", self._actorClass, type(message).__name__, exc_info=True)
        try:
            return self.actorInst.receiveMessage(copy.deepcopy(message), sender)
        except Exception:
            LOG.error("%s raised again on %s", self._actorClass, type(message).__name__, exc_info=True)
            if not isinstance(message, PoisonMessage):
                self._send_intent(TransmitIntent(sender, PoisonMessage(message, traceback.format_exc())))
            return None

    # -- messages out

    def actor_send(self, target: ActorAddress, message: Any) -> None:
        """Never raises for a dead target; safe from any thread."""
        host = self.host
        if host.thread is not None and threading.get_ident() != host.thread:
            host.loop.call_soon_threadsafe(self.actor_send, target, message)
            return
        place = target.addressDetails
        if type(place) is not Place:
            super().actor_send(target, message)
        elif host.is_here(place):
            if place.number in host.actors and host.admits(message):
                host.deliver(place.number, self._me, message)
            else:
                self.returned(target, message, SendStatus.DeadTarget)
        else:
            self._send_away(target, place, message)

    def _send_away(self, target: ActorAddress, place: Place, message: Any) -> None:
        try:
            frame = pack_letter(place.number, self.number, message)
        except CannotPickleAddress as unknown:
            intent = TransmitIntent(target, message, onError=self.actor_send_fail)
            self._awaitingAddressUpdate.add(unknown.address, intent)
        except Exception:
            self._poison(target, message)
        else:
            self.host.submit(place, ActorLetter(self, target, message, frame))

    async def room(self, target: ActorAddress) -> None:
        """Wait until the base has room for more messages to this actor; at once if it is dead. Only in the loop."""
        known = self._addrManager.exportAddr(target)
        if known is not None:
            await self.host.room(known)

    def returned(self, target: ActorAddress, message: Any, status: Any) -> None:
        """A message could not be delivered: to the admin's dead letters."""
        if status != SendStatus.DeadTarget or isinstance(message, (DeadEnvelope, ChildActorExited)):
            return
        if target != self._adminAddr:
            self.actor_send(self._adminAddr, DeadEnvelope(target, message))

    # -- children

    def createActor(
        self, newActorClass: Any, targetActorRequirements: Any, globalName: Any, sourceHash: Any = None
    ) -> ActorAddress:
        """Here, in a process of its own, or, where this system cannot, wherever the admin finds a place."""
        cls, requirements = newActorClass, targetActorRequirements
        source_hash = sourceHash or self._sourceHash
        source = self._sources.get(source_hash) if source_hash else None
        if globalName or self._leaving or not self._can_create(cls, requirements, source_hash, source):
            return super().createActor(cls, requirements, globalName, sourceHash)
        if isinstance(requirements, Mapping) and requirements.get(COLOCATE):
            return self._create_here(cls, requirements, source_hash, source)
        try:
            child = self.start_process(cls, None, requirements, source_hash, source)
        except OSError:
            return self._stillborn(cls)
        self._registerChild(child)
        return child

    def _pendingActorResponse(self, envelope: ReceiveEnvelope) -> bool:
        """The answer to a create that went through the admin; a second one comes when its host dies later."""
        answer = envelope.message
        if answer.instanceNum in self._answered:
            return True
        self._answered.add(answer.instanceNum)
        if not answer.errorCode and not answer.globalName and envelope.sender != self._adminAddr:
            self._elsewhere.add(answer.actualAddress)
            notice = ChildElsewhere(self._me, answer.actualAddress, envelope.sender, os.getpid())
            self._send_intent(TransmitIntent(self._adminAddr, notice))
        return bool(super()._pendingActorResponse(envelope))

    def _handleChildExited(self, child: ActorAddress) -> Any:
        if isinstance(child, Address) and child in self._elsewhere:  # one that was never made has no such address
            self._elsewhere.discard(child)
            self._send_intent(TransmitIntent(self._adminAddr, ChildElsewhereGone(child)))
        return super()._handleChildExited(child)

    def _stillborn(self, cls: Any) -> ActorAddress:
        """No process or no socket to be had: the child exits before it lives."""
        LOG.exception("no process for %s", cls)
        child = Address(self._me.addressDetails.in_process(self.host.new_number()))
        self._registerChild(child)
        self.host.deliver(self.number, self._me, ChildActorExited(child))
        return child

    def _can_create(self, cls: Any, requirements: Any, source_hash: Any, source: Any) -> bool:
        try:
            return self.compatible(cls, requirements, source_hash, source)
        except Exception:
            return False  # Thespian's own way reports what is wrong

    def _create_here(self, cls: Any, requirements: Any, source_hash: Any, source: Any) -> ActorAddress:
        host = self.host
        port = ActorPort(host, host.new_number())
        manager = Manager(
            cls,
            None,
            port,
            source_hash,
            source,
            self._me,
            self._adminAddr,
            requirements,
            self.capabilities,
            None,
            None,
        )
        host.actors[port.number] = manager
        self._registerChild(port.myAddress)
        manager._createInstance()
        if manager.actorInst is None:
            host.ended(port.number)
        return port.myAddress

    # -- ending

    def _shutdownActor(self, shutdownChildren: bool = True) -> Any:
        self._leaving = True
        if not shutdownChildren and self._children and not self.number:
            return self._linger()
        return super()._shutdownActor(shutdownChildren)

    def _linger(self) -> bool:
        """An exit that is not recursive: the parent is told now; the process would take the children along."""
        self._exiting = self._lingering = True
        super()._sayGoodbye()
        self.transport.close()
        return True

    def _take_lingering(self, message: Any) -> bool:
        if isinstance(message, ChildActorExited):
            return bool(self._handleChildExited(message.childAddress))
        if isinstance(message, ActorExitRequest):
            for each in self._children:
                failed = partial(self._childInaccessible, each)
                self._send_intent(TransmitIntent(each, ActorExitRequest(), onError=lambda _, m, f=failed: f(m)))
        else:
            self.host.nobody(0, message)
        return True

    def _sayGoodbye(self) -> None:
        """The parent of a process hears of its end from the kernel; only a neighbour has to be told."""
        if self.number:
            super()._sayGoodbye()

    def leave(self) -> None:
        """The process ends with this actor still in it: let it clean up."""
        if not self._leaving and self.actorInst is not None:
            self._leaving = True
            try:
                self.actorInst.receiveMessage(ActorExitRequest(), self._me)
            except Exception:
                LOG.exception("%s raised at the end of its process", self._actorClass)
        self.transport.close()
