"""What Thespian's actor manager and admin share on this base: creating children, sending, no logger process."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Mapping
from functools import partial
from typing import Any

from thespian.actors import ActorAddress, ChildActorExited, NoCompatibleSystemForActor, PoisonMessage
from thespian.system.addressManager import CannotPickleAddress
from thespian.system.multiprocCommon import MultiProcReplicator
from thespian.system.sourceLoader import loadModuleFromHashSource
from thespian.system.transport import ReceiveEnvelope, SendStatus, TransmitOnly
from thespian.system.utilis import checkActorCapabilities

from owactors.actorbase.addresses import Address, AddressBook, address
from owactors.actorbase.limits import DRAIN_STALLED, DRAIN_WITHIN
from owactors.actorbase.processes import ProcessWatch, fork
from owactors.actorbase.site import PROCESS_PORT
from owactors.actorbase.transport import ProcessTransport


class Parent(MultiProcReplicator):  # type: ignore[misc]
    """Base of Manager and Admin. Expects the attributes of Thespian's systemCommonBase."""

    host: ProcessTransport
    number = 0
    asLogger: Any

    def adopt_base(self, host: ProcessTransport) -> None:
        """Called at the end of __init__: replace what Thespian has set up for other bases."""
        self.host = host
        self._watch: ProcessWatch | None = None
        self._addrManager = AddressBook(self._adminAddr, self.transport.myAddress)
        self.transport.setAddressManager(self._addrManager)
        self.asLogger = host.site.admin  # there is no logger process: each process logs by itself

    # -- children in processes of their own

    def compatible(self, cls: Any, requirements: Any, source_hash: Any, source: Any) -> bool:
        """The class says that it can live here. ImportError and the like for a class that is not to be found."""
        loader = partial(loadModuleFromHashSource, source_hash, {source_hash: source}) if source_hash else None
        return bool(checkActorCapabilities(cls, self.capabilities, requirements, loader))

    def start_process(self, cls: Any, name: Any, requirements: Any, source_hash: Any, source: Any) -> Address:
        """Fork a process for a child actor; its address is valid at once. OSError: the port asked for is taken."""
        from owactors.actorbase.child import Birth, live

        site = self.host.site
        wanted = requirements if isinstance(requirements, Mapping) else {}  # a class may ask for anything
        listening = site.listen(int(wanted.get(PROCESS_PORT, 0)))
        child = address(site.host, listening.port)
        birth = Birth(
            site,
            listening,
            cls,
            name,
            requirements,
            source_hash,
            source,
            self.transport.myAddress,
            self.capabilities,
            os.getpid(),
        )
        try:
            pid = fork(partial(live, birth), listening.descriptors)
        finally:
            listening.release()
        if self._watch is None:
            self._watch = ProcessWatch(self.host.loop)
        self._watch.watch(pid, partial(self._process_ended, child))
        return child

    def _process_ended(self, child: Address) -> None:
        self.host.deliver(self.number, self.transport.myAddress, ChildActorExited(child))

    def _startChildActor(
        self,
        childAddr: ActorAddress,
        childClass: Any,
        globalName: Any,
        parentAddr: ActorAddress,
        notifyAddr: ActorAddress,
        childRequirements: Any = None,
        sourceHash: Any = None,
        sourceToLoad: Any = None,
    ) -> None:
        """Thespian's way: its local address is bound to the child's in the next turn of the loop."""
        if not self.compatible(childClass, childRequirements, sourceHash, sourceToLoad):
            raise NoCompatibleSystemForActor(childClass, "no system has compatible capabilities")
        own_hash = sourceHash or self._sourceHash
        child = self.start_process(childClass, globalName, childRequirements, own_hash, sourceToLoad)
        self.host.loop.call_soon(self._pendingActorReady, childAddr.addressDetails.addressInstanceNum, child)

    # -- sending, without governor and without formatting messages for a log that is off

    def _send_intent(self, intent: Any, curtime: Any = None) -> None:
        try:
            self.transport.scheduleTransmit(self._addrManager, intent)
        except CannotPickleAddress as unknown:
            self._awaitingAddressUpdate.add(unknown.address, intent)
        except Exception:
            self._poison(intent.targetAddr, intent.message)
            intent.tx_done(SendStatus.Failed)

    def _poison(self, target: ActorAddress, message: Any) -> None:
        """The message cannot be sent: it comes back as if the target had refused it."""
        if not isinstance(message, PoisonMessage):
            poison = PoisonMessage(message, traceback.format_exc())
            self.host.deliver(self.number, target, poison)

    def drainTransmits(self) -> None:
        """Before the end of the process: wait until the last letters are taken, as long as that goes on."""
        deadline, left = time.monotonic() + DRAIN_WITHIN, self.host.unsettled()
        while left and time.monotonic() < deadline and self.transport.run(TransmitOnly, DRAIN_STALLED):
            before, left = left, self.host.unsettled()
            if left >= before:
                self.host.give_up_letters()

    # -- logging

    def h_LogRecord(self, envelope: ReceiveEnvelope) -> bool:
        record = envelope.message
        logging.getLogger(record.name).handle(record)
        return True
