"""Five hosts as network namespaces on a switch, hurt while all of them call; needs root.

Each test makes one row of the table in docs/guarantees.md. OWACTORS_TEST_LONG=1 runs it over every transport,
OWACTORS_WRITE_DOCS=1 writes the table.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from attrs import frozen

from tests.actorbase.hosts import NoHosts
from tests.end_to_end.clusters import Cluster, LiveController, LiveInvoker
from tests.end_to_end.nodes import LiveNode
from tests.end_to_end.proof import ACTIONS, Callers, Row, row
from tests.end_to_end.prooftable import write_table
from tests.end_to_end.switch import Switch, reachable, switched
from tests.end_to_end.telling import TELLING, told
from tests.services.kafka import Broker, running_broker
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

UP = {"invoker0": "up", "invoker1": "up", "invoker2": "up"}
LONG = bool(os.environ.get("OWACTORS_TEST_LONG"))
TRANSPORTS = ("actors", "HTTP first", "Kafka") if LONG else ("actors",)
#: seconds that a service is away
AWAY = 30 if LONG else 6
CLOCK = Path(__file__).parent / "jumpingclock"
#: what happens; returns when it was healed (monotonic seconds), or None where nothing has to be
Happening = Callable[[Callers], float | None]


@frozen(eq=False)
class Five:
    """Hosts 1 and 2 are controllers, 3 to 5 invokers 0 to 2."""

    transport: str
    switch: Switch
    couch: CouchServer
    broker: Broker | None
    controllers: tuple[LiveController, ...]
    invokers: tuple[LiveInvoker, ...]
    url: str
    runs: Counter[str]
    rows: list[Row]

    def all_up(self) -> None:
        for controller in self.controllers:
            controller.wait_for(60, **UP)

    def hurt(self, event: str, happens: Happening) -> Row:
        """Calls from all hosts before, while and after it happens; nothing is lost, nothing runs twice."""
        self.all_up()
        with Callers(self.switch, self.controllers, self.url) as callers:
            self._some_answers(callers)
            at = time.monotonic()
            healed = happens(callers)
            self.all_up()
            whole = time.monotonic() - (healed or at)
            self._some_answers(callers)
        made = row(event, self.transport, callers, self.controllers[0], self.runs, at, whole)
        print(made)
        self.rows.append(made)
        assert (made.lost, made.twice, callers.unreadable) == (0, 0, []), made
        return made

    def _some_answers(self, callers: Callers) -> None:
        before = callers.answered()
        self.controllers[0].wait_until(lambda: callers.answered() > before + 20, "calls are answered", 60)


def placed(node: LiveNode, switch: Switch, host: int, clock: Path) -> None:
    """The node lives on this host, with a clock that can be set by a file."""
    node.host = switch.host_address(host)
    path = os.pathsep.join((str(CLOCK), os.getcwd()))
    wrong = (f"PYTHONPATH={path}", f"JUMPING_CLOCK={clock / str(host)}")
    node.prefix = ("ip", "netns", "exec", switch.hosts[host - 1], "env", *wrong)
    node.options = ("--host", node.host, *node.options)


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    made: list[Row] = []
    yield made
    if os.environ.get("OWACTORS_WRITE_DOCS"):
        write_table(made)


@pytest.fixture(scope="module")
def switch() -> Iterator[Switch]:
    try:
        with switched(5) as made:
            yield made
    except NoHosts as reason:
        pytest.skip(f"no hosts to test with: {reason}")


@pytest.fixture(scope="module")
def couch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CouchServer]:
    with CouchServer.running(tmp_path_factory.mktemp("couchdb"), own=True, memory=False) as server:
        yield server


@pytest.fixture(scope="module", params=TRANSPORTS)
def five(
    request: pytest.FixtureRequest,
    switch: Switch,
    couch: CouchServer,
    rows: list[Row],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Five]:
    folder = tmp_path_factory.mktemp("five")
    with ExitStack() as stack:
        broker = stack.enter_context(running_broker(switch.address)) if request.param == "Kafka" else None
        couchdb = stack.enter_context(reachable(switch.address, stack.enter_context(couch.databases())))
        url, runs = stack.enter_context(told(switch.address))
        settings = ("--set", "keys.guest_everywhere=true", "--set", "containers.user_memory=4 GB")
        first = ("--http-first",) if request.param == "HTTP first" else ()
        cluster = Cluster(broker and broker.address, couchdb, folder, *settings, *first)
        stack.callback(cluster.close)
        controllers = tuple(cluster.controller(str(n), bus=f"{switch.host_address(n + 1)}:3234") for n in range(2))
        invokers = tuple(cluster.invoker(n) for n in range(3))
        for host, node in enumerate((*controllers, *invokers), 1):
            placed(node, switch, host, folder)
        cluster.start()
        made = Five(request.param, switch, couch, broker, controllers, invokers, url, runs, rows)
        made.all_up()
        for name in ACTIONS:
            controllers[0].deploy(name, TELLING)
        yield made


def test_calls_from_every_host_are_answered(five: Five) -> None:
    made = five.hurt("nothing", lambda callers: None)
    assert (made.refused, made.failed) == (0, 0)


def test_an_invoker_host_dies_and_starts_again(five: Five) -> None:
    def happens(callers: Callers) -> float:
        victim = five.invokers[0]
        victim.kill_all()
        five.controllers[0].wait_for(60, **{**UP, "invoker0": "down"})
        victim.start()
        return time.monotonic()

    five.hurt("an invoker's host is killed (-9), started again when it was noticed", happens)


@pytest.mark.parametrize("which", [0, 1])
def test_a_controller_host_dies_and_starts_again(five: Five, which: int) -> None:
    def happens(callers: Callers) -> float:
        five.controllers[which].kill_all()
        time.sleep(3)
        five.controllers[which].start()
        return time.monotonic()

    name = "the controller that others joined" if which == 0 else "the other controller"
    five.hurt(f"{name} is killed (-9), started again after 3 s", happens)


def test_a_link_is_cut_and_healed(five: Five) -> None:
    def happens(callers: Callers) -> float:
        five.switch.link(4, "down")
        five.controllers[0].wait_for(60, **{**UP, "invoker1": "down"})
        five.switch.link(4, "up")
        return time.monotonic()

    five.hurt("an invoker's link is cut, healed when it was noticed", happens)


def test_all_links_to_the_invokers_are_cut_and_healed(five: Five) -> None:
    def happens(callers: Callers) -> float:
        for host in (3, 4, 5):
            five.switch.link(host, "down")
        five.controllers[0].wait_for(60, invoker0="down", invoker1="down", invoker2="down")
        for host in (3, 4, 5):
            five.switch.link(host, "up")
        return time.monotonic()

    five.hurt("the links of all invokers are cut, healed when it was noticed", happens)


def test_a_slow_link(five: Five) -> None:
    def happens(callers: Callers) -> float:
        with five.switch.slow(5, 0.1, 0.01):
            before = len(callers.calls)
            five.controllers[0].wait_until(lambda: len(callers.calls) > before + 100, "calls on a slow link", 60)
            five.all_up()
        return time.monotonic()

    five.hurt("an invoker's link takes 100 ms each way and loses 1 % of the frames", happens)


def test_the_database_is_killed_and_comes_back(five: Five) -> None:
    def happens(callers: Callers) -> float:
        five.couch.kill()
        time.sleep(AWAY)
        five.couch.start()
        return time.monotonic()

    five.hurt(f"CouchDB is killed (-9), started again after {AWAY} s", happens)


@pytest.mark.parametrize("how", ["killed (-9)", "stopped"])
def test_the_broker_goes_and_comes_back(five: Five, how: str) -> None:
    broker = five.broker
    if broker is None:
        pytest.skip("there is no broker: the roles speak as actors")

    def happens(callers: Callers) -> float:
        if how == "stopped":
            broker.end()
        else:
            broker.kill()
        time.sleep(AWAY)
        broker.start()
        return time.monotonic()

    five.hurt(f"Kafka is {how}, started again after {AWAY} s", happens)


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_clocks_jump(five: Five, seconds: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    def jump(wrong: int) -> None:
        for node in (five.controllers[0], five.invokers[2]):
            clock = next(word for word in node.prefix if word.startswith("JUMPING_CLOCK="))
            Path(clock.partition("=")[2]).write_text(str(wrong))

    def happens(callers: Callers) -> float:
        jump(seconds)
        time.sleep(5)
        five.all_up()
        jump(0)
        return time.monotonic()

    half_way = int((time.time() + seconds / 2) * 1000)
    five.hurt(f"the clocks of a controller and of an invoker jump by {seconds:+d} s and back", happens)
    wrong = f"since={half_way}" if seconds > 0 else f"upto={half_way}"
    assert five.controllers[0].api("GET", f"/activations?{wrong}").json, "no record is from the wrong time"


def test_every_role_is_restarted_in_turn(five: Five) -> None:
    def happens(callers: Callers) -> None:
        for node in (*five.invokers, *five.controllers):
            assert node.stop() == 0
            node.start()
            five.all_up()

    five.hurt("all roles are stopped and started again, one after the other", happens)
