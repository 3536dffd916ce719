"""Connects to a prewarmed container now and then, and tells its proxy when that fails too often.

(OpenWhisk, TCPPingClient in ContainerProxy.scala.)
"""

from __future__ import annotations

import asyncio

from thespian.actors import ActorAddress

from owactors.actor.io import IoActor, on
from owactors.container.port import Container
from owactors.core import tcpping as t
from owactors.message.container import HealthPingEnabled, HealthPingFailed, PingSetup

TICK = "tick"


class TCPPingClient(IoActor):
    """Child of a proxy. First message: PingSetup; then HealthPingEnabled as often as wanted."""

    def __init__(self) -> None:
        super().__init__()
        self._machine: t.TCPPing | None = None
        self._container: Container | None = None
        self._proxy: ActorAddress = None

    @on(PingSetup)
    def _set_up(self, message: PingSetup, sender: ActorAddress) -> None:
        self._machine, self._container, self._proxy = t.TCPPing(message.settings), message.container, sender

    @on(HealthPingEnabled)
    def _enabled(self, message: HealthPingEnabled, sender: ActorAddress) -> None:
        self._feed(t.Enable() if message.enabled else t.Disable(), sender)

    @on(t.Tick, t.Reached, t.Unreachable)
    def _feed(self, event: t.Event, sender: ActorAddress) -> None:
        if self._machine is None or self._container is None:
            self.log.error("%s came before PingSetup", type(event).__name__)
            return
        for instruction in self._machine.handle(event):
            self._do(instruction, self._machine.settings.check_period, self._container)

    def _do(self, instruction: t.Instruction, period: float, container: Container) -> None:
        match instruction:
            case t.Connect():
                self.spawn(ping(container, period), done=_same)
            case t.TickAfter(seconds):
                self.start_timer(TICK, seconds, t.Tick())
            case t.StopTicking():
                self.cancel_timer(TICK)
            case t.ReportDead(reason):
                self.tell(self._proxy, HealthPingFailed(reason))
                self.stop()


async def ping(container: Container, timeout: float) -> t.Event:
    """One connection, made and closed; waits at most `timeout` seconds."""
    try:
        reached = await asyncio.wait_for(container.ping(), timeout)
    except Exception as failure:
        return t.Unreachable(f"{type(failure).__name__}: {failure}")
    return t.Reached() if reached else t.Unreachable("no connection")


def _same(event: t.Event) -> t.Event:
    return event
