"""What Thespian asks of a transport beside sending and running: addresses, signals, wakeups, its status."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from thespian.actors import ActorAddress, ActorExitRequest, WakeupMessage
from thespian.system.messages.multiproc import ChildMayHaveDied
from thespian.system.timing import timePeriodSeconds

from owactors.actorbase.addresses import Address, family_of
from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.outgoing import Peer
from owactors.actorbase.site import Site, leaders, parse_address


class ThespianSide:
    """Base of ProcessTransport, which has these."""

    site: Site
    loop: asyncio.AbstractEventLoop
    myAddress: Address
    mailbox: deque[Any]
    peers: dict[tuple[str, int], Peer]

    def deliver(self, number: int, sender: ActorAddress, message: Any) -> None:
        raise NotImplementedError

    def setAddressManager(self, address_manager: Any) -> None:
        self._address_manager = address_manager

    def enableRXPauseFlowControl(self, enable: bool = True) -> None:
        return None

    def interrupt_wait(self, signal_shutdown: bool = False, check_children: bool = False) -> None:
        """Called from signal handlers."""
        if signal_shutdown:
            self.loop.call_soon_threadsafe(self.deliver, 0, self.myAddress, ActorExitRequest())
        if check_children:
            self.loop.call_soon_threadsafe(self.deliver, 0, self.myAddress, ChildMayHaveDied())

    def addWakeup(self, period: timedelta, payload: Any) -> None:
        self.loop.call_later(timePeriodSeconds(period), self.deliver, 0, self.myAddress, WakeupMessage(period, payload))

    def external_transport_clone(self) -> Any:
        """A separate endpoint for another thread or conversation of an external process."""
        return type(self)(self.site, external=True)  # type: ignore[call-arg]

    def getAdminAddr(self, capabilities: Mapping[str, Any]) -> Address:
        return self.site.admin

    @staticmethod
    def getAddressFromString(text: str | tuple[str, Any], adminRouting: bool = False) -> Address:
        return parse_address(text)

    @staticmethod
    def getConventionAddress(capabilities: Mapping[str, Any]) -> list[Address] | None:
        return leaders(capabilities) or None

    @staticmethod
    def probeAdmin(admin: ActorAddress) -> bool:
        """Somebody has the admin's port."""
        with socket.socket(family_of(admin.addressDetails.sockname[0]), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(admin.addressDetails.sockname)
            except OSError:
                return True
        return False

    def _updateStatusResponse(self, response: Any) -> None:
        for peer in self.peers.values():
            for letter in [] if peer.flushed() else peer.queue.letters():
                response.addPendingMessage(self.myAddress, letter.target, type(letter.message).__name__)
        for _, sender, message, _, _ in self.mailbox:
            response.addReceivedMessage(sender, self.myAddress, type(message).__name__)
        for name, value in COUNTERS.items():
            response.addKeyVal(f"owactors.{name}", value)
