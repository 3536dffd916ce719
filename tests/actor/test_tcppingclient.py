"""The ping client: ticks, connects, and gives the container up after so many failures in a row."""

from __future__ import annotations

import asyncio

import pytest
from thespian.actors import ActorExitRequest

from owactors.actor.tcppingclient import TCPPingClient, ping
from owactors.core.tcpping import Reached, Unreachable
from owactors.message.container import HealthCheckSettings, HealthPingEnabled, HealthPingFailed, PingSetup
from tests.actor.harness import Bench
from tests.actor.proxying import ScriptedContainer


class PingBench(Bench):
    """A client that was told to tick; each tick's connection succeeds or not, as said."""

    def __init__(self) -> None:
        super().__init__(TCPPingClient)
        self.container = ScriptedContainer()
        self.give(PingSetup(self.container, HealthCheckSettings(True, 3.0, 3)), "proxy")
        self.give(HealthPingEnabled(True), "proxy")

    def tick(self, reached: bool) -> None:
        self.container.script["ping"] = [reached]
        self.fire("tick")
        self.work("ping").run()

    @property
    def given_up(self) -> bool:
        return bool(self.messages(HealthPingFailed))


@pytest.mark.scenario("CP-51")
def test_it_ticks_while_enabled() -> None:
    bench = PingBench()
    assert bench.timers == {"tick": 3.0}
    bench.tick(True)
    bench.tick(True)
    assert bench.container.calls == ["ping", "ping"]
    bench.give(HealthPingEnabled(False), "proxy")
    assert bench.timers == {}
    bench.give(HealthPingEnabled(True), "proxy")
    assert bench.timers == {"tick": 3.0}


@pytest.mark.scenario("CP-52")
def test_it_gives_up_after_so_many_failures() -> None:
    bench = PingBench()
    bench.tick(False)
    bench.tick(False)
    assert not bench.given_up
    bench.tick(False)
    assert isinstance(bench.sent_to("proxy")[0], HealthPingFailed)
    assert bench.messages(ActorExitRequest)
    assert bench.timers == {}


@pytest.mark.scenario("CP-53")
def test_one_success_forgives_all_failures() -> None:
    bench = PingBench()
    for reached in (False, False, True, False, False):
        bench.tick(reached)
    assert not bench.given_up
    bench.tick(False)
    assert bench.given_up


def test_a_connection_that_raises_or_hangs_is_a_failure() -> None:
    class Hanging(ScriptedContainer):
        async def ping(self) -> bool:
            await asyncio.sleep(60)
            return True

    raising = ScriptedContainer(script={"ping": [OSError("refused")]})
    assert asyncio.run(ping(raising, 5)) == Unreachable("OSError: refused")
    assert isinstance(asyncio.run(ping(Hanging(), 0.01)), Unreachable)
    assert asyncio.run(ping(ScriptedContainer(), 5)) == Reached()
