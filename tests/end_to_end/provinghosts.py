"""The hosts of the proof: network namespaces on a switch, with what runs on them; needs root."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from owactors.cli.runningnode import RunningNode
from owactors.node.folder import ADMIN_KEY
from tests.end_to_end.clusters import Cluster, LiveController, LiveRole, closed
from tests.end_to_end.livehosts import FirstHost
from tests.end_to_end.nodes import LiveNode
from tests.end_to_end.proof import ACTIONS, Callers, Row, Setting, row
from tests.end_to_end.switch import Switch, placed, reachable, switched
from tests.end_to_end.telling import REACHES, TELLING, told
from tests.services.kafka import Broker, running_broker
from tests.store.couchserver import CouchServer

CLOCK = Path(__file__).parent / "jumpingclock"
COMMON = ("--set", "keys.guest_everywhere=true", "--set", "containers.user_memory=4 GB", *REACHES)
#: what happens; returns when it was healed (monotonic seconds), or None where nothing has to be
Happening = Callable[[Callers], float | None]


@frozen(eq=False)
class ProvingHosts:
    """`invokers` are the hosts that are only invokers, by what /invokers calls them; `names` has all of those names."""

    setting: Setting
    switch: Switch
    controllers: tuple[LiveController, ...]
    invokers: Mapping[str, LiveRole]
    names: Collection[str]
    url: str
    runs: Counter[str]
    rows: list[Row]
    couch: CouchServer | None = None
    broker: Broker | None = None

    def states(self, *down: str) -> dict[str, str]:
        """Of all invokers when these are down."""
        return {name: "down" if name in down else "up" for name in self.names}

    def all_up(self) -> None:
        for controller in self.controllers:
            controller.wait_for(60, **self.states())

    def number(self, node: LiveNode) -> int:
        """Of the host that it is on."""
        return int(node.host.rpartition(".")[2])

    def heard(self, controller: LiveController) -> set[str]:
        """The roles whose hosts this controller hears."""
        running = RunningNode(controller.url, (controller.data / ADMIN_KEY).read_text().strip())
        hosts = running.ask("GET", "nodes")["nodes"]
        return {role["role"] for host in hosts if host["state"] != "offline" for role in host["roles"]}

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
        made = row(event, self.setting, callers, self.controllers[0], self.runs, at, whole)
        print(made)
        self.rows.append(made)
        assert (made.lost, made.twice, callers.unreadable) == (0, 0, []), made
        return made

    def _some_answers(self, callers: Callers) -> None:
        before = callers.answered()
        self.controllers[0].wait_until(lambda: callers.answered() > before + 20, "calls are answered", 60)


def set_clock(node: LiveNode, wrong: int) -> None:
    """Its clock is wrong by so many seconds."""
    clock = next(word for word in node.prefix if word.startswith("JUMPING_CLOCK="))
    Path(clock.partition("=")[2]).write_text(str(wrong))


def _placed(nodes: Collection[LiveNode], switch: Switch, folder: Path, first: int = 1) -> None:
    """One on each host, from the host `first`, with a clock that can be set."""
    path = os.pathsep.join((str(CLOCK), os.getcwd()))
    for host, node in enumerate(nodes, first):
        placed(node, switch, host, f"PYTHONPATH={path}", f"JUMPING_CLOCK={folder / str(host)}")


@contextmanager
def proving(setting: Setting, folder: Path, rows: list[Row]) -> Iterator[ProvingHosts]:
    """All up, with the actions deployed. NoHosts where there cannot be hosts."""
    with switched(setting.hosts) as switch, told(switch.address) as (url, runs):
        kind = _five if setting.hosts == 5 else _three
        with kind(setting, switch, folder, url, runs, rows) as made:
            made.all_up()
            for name in ACTIONS:
                made.controllers[0].deploy(name, TELLING)
            yield made


@contextmanager
def _five(
    setting: Setting, switch: Switch, folder: Path, url: str, runs: Counter[str], rows: list[Row]
) -> Iterator[ProvingHosts]:
    """Controllers on hosts 1 and 2, invokers 0 to 2 on hosts 3 to 5; CouchDB, and Kafka, where the services are."""
    with ExitStack() as stack:
        couch = stack.enter_context(CouchServer.running(folder / "couchdb", own=True, memory=False))
        broker = stack.enter_context(running_broker(switch.services)) if setting.transport == "Kafka" else None
        couchdb = stack.enter_context(reachable(switch.services, stack.enter_context(couch.databases())))
        cluster = Cluster(broker and broker.address, couchdb, folder, *COMMON, *_http_first(setting))
        stack.callback(cluster.close)
        controllers = tuple(cluster.controller(str(n), bus=f"{switch.host_address(n + 1)}:3234") for n in range(2))
        invokers: dict[str, LiveRole] = {f"invoker{n}": cluster.invoker(n) for n in range(3)}
        for host, node in enumerate(cluster.nodes, 1):
            node.options = (*node.options, "--set", f"node.name=host{host}")
        _placed(cluster.nodes, switch, folder)
        cluster.start()
        yield ProvingHosts(setting, switch, controllers, invokers, tuple(invokers), url, runs, rows, couch, broker)


@contextmanager
def _three(
    setting: Setting, switch: Switch, folder: Path, url: str, runs: Counter[str], rows: list[Row]
) -> Iterator[ProvingHosts]:
    """As a user makes them, one command each: the first is controller, invoker and store, the others join it."""
    with ExitStack() as stack:
        first = FirstHost("one", *COMMON, *_http_first(setting), bus=f"{switch.host_address(1)}:3234")
        nodes: list[LiveNode] = [first]
        stack.callback(closed, nodes)
        _placed([first], switch, folder)
        first.start()
        others = [first.joining(name, *COMMON) for name in ("two", "three")]
        _placed(others, switch, folder, first=2)
        nodes += others
        first.others = lambda: nodes
        for other in others:
            other.start()  # one after the other, since they are numbered in that order
        invokers: dict[str, LiveRole] = dict(zip(("invoker1/two", "invoker2/three"), others, strict=True))
        yield ProvingHosts(setting, switch, (first,), invokers, ("invoker0/one", *invokers), url, runs, rows)


def _http_first(setting: Setting) -> tuple[str, ...]:
    return ("--http-first",) if setting.transport == "HTTP first" else ()
