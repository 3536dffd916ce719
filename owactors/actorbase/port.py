"""What one actor sees as its transport: its own address, timers and watches; everything else is the process's."""

from __future__ import annotations

import asyncio
from typing import Any

from thespian.actors import ActorAddress, WakeupMessage, WatchMessage
from thespian.system.timing import ExpirationTimer, timePeriodSeconds

from owactors.actorbase.addresses import Address
from owactors.actorbase.transport import ProcessTransport


class ActorPort:
    """Transport of the actor with this number; number 0 is the first of its process."""

    def __init__(self, host: ProcessTransport, number: int) -> None:
        self.host, self.number = host, number
        self.loop: asyncio.AbstractEventLoop = host.loop
        self._adminAddr = host.site.admin
        self.myAddress = Address(host.myAddress.addressDetails.in_process(number)) if number else host.myAddress
        self._timers: dict[int, tuple[Any, asyncio.TimerHandle]] = {}
        self.watched: set[int] = set()

    def setAddressManager(self, address_manager: Any) -> None:
        self._address_manager = address_manager

    def scheduleTransmit(self, address_manager: Any, intent: Any, has_exclusive_flag: bool = False) -> None:
        self.host.scheduleTransmit(address_manager, intent, sender=self.number)

    # -- timers and watches

    def addWakeup(self, period: Any, payload: Any) -> None:
        timer = ExpirationTimer(period)
        handle = self.loop.call_later(timePeriodSeconds(period), self._wake, timer, payload)
        self._timers[id(timer)] = timer, handle

    def _wake(self, timer: Any, payload: Any) -> None:
        del self._timers[id(timer)]
        self.host.deliver(self.number, self.myAddress, WakeupMessage(timer.duration, payload))

    def set_watch(self, descriptors: list[int]) -> None:
        wanted = set(descriptors)
        for descriptor in self.watched - wanted:
            self.loop.remove_reader(descriptor)
        for descriptor in wanted - self.watched:
            self.loop.add_reader(descriptor, self._ready, descriptor)
        self.watched = wanted

    def _ready(self, descriptor: int) -> None:
        self.loop.remove_reader(descriptor)
        self.watched.discard(descriptor)
        self.host.deliver(self.number, self.myAddress, WatchMessage([descriptor]))

    # -- the process's

    def run(self, handler: Any, maximumDuration: Any = None) -> Any:
        return 0 if self.number else self.host.run(handler, maximumDuration)

    def abort_run(self, drain: bool = False) -> None:
        """The actor has ended."""
        self.close()
        if self.number:
            self.host.ended(self.number)
        else:
            self.host.abort_run(drain)

    def deadAddress(self, address_manager: Any, dead: ActorAddress) -> None:
        self.host.deadAddress(address_manager, dead)

    def interrupt_wait(self, signal_shutdown: bool = False, check_children: bool = False) -> None:
        self.host.interrupt_wait(signal_shutdown, check_children)

    def getAddressFromString(self, text: Any, adminRouting: bool = False) -> Address:
        return self.host.getAddressFromString(text)

    def _updateStatusResponse(self, response: Any) -> None:
        response.addWakeups([(self.myAddress, timer) for timer, _ in self._timers.values()])
        self.host._updateStatusResponse(response)

    def close(self) -> None:
        for _, handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
        self.set_watch([])
