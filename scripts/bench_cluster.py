"""The suite `cluster` of scripts/bench: controllers and invokers as processes of their own, beside a single node.

Every transport with one, two and three invokers, in one run with `owactors standalone`; and what the controller's
share costs: choosing among 1,000 invokers, and the heartbeats of 100 hosts that are simulated by real messages.
All processes share this machine, so more invokers show what they cost here and not what they bring elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from bench_client import Sample, measure, request
from bench_node import Node, authorization, free_port

from owactors.core.loadbalancer.sharding import ShardingChoice, Wanted

CHECKOUT = Path(__file__).parent.parent
ECHO = "def main(args):\n    return {'text': args.get('text', '')}\n"
PAYLOAD = json.dumps({"text": "x" * 100}).encode()
TRANSPORTS = ("actors", "kafka", "http first")
INVOKERS = (1, 2, 3)
IN_FLIGHT = 16
#: as many actions as keep three invokers busy
ACTIONS = 8
#: each kind of node has its turn so often
ROUNDS = 4
HOSTS, WATCH_SECONDS = 100, 12.0
Figures = dict[str, Any]


class Role(Node):
    """`owactors controller` or `owactors invoker`, else as a node."""

    def __init__(self, role: str, *options: str) -> None:
        super().__init__(*options)
        self._role = role

    def command(self) -> list[str]:
        """What is started."""
        started = [sys.executable, "-m", "owactors.cli", self._role, "--port", str(self.port)]
        return [*started, "--data-dir", str(Path(self.folder.name) / "data"), *self._settings]

    def __enter__(self) -> Role:
        limits = {
            "LIMITS_ACTIONS_INVOKES_PERMINUTE": "10000000",
            "LIMITS_ACTIONS_INVOKES_CONCURRENT": "100000",
            "LIMITS_TRIGGERS_FIRES_PERMINUTE": "10000000",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), env={**os.environ, **limits}, stdout=log, stderr=log)
        self._wait_until_it_answers(time.perf_counter() + 60)
        return self

    def invokers(self) -> dict[str, str]:
        """As the controller shows them."""
        with urllib.request.urlopen(f"http://{self.address}/invokers", timeout=10) as answer:
            states: dict[str, str] = json.loads(answer.read())
        return states

    def wait_for(self, count: int, seconds: float = 90.0) -> None:
        """Until so many invokers are up."""
        deadline = time.monotonic() + seconds
        while list(self.invokers().values()) != ["up"] * count:
            if time.monotonic() > deadline:
                raise SystemExit(f"the invokers did not come up: {self.invokers()}\n{self.log.read_text()[-4000:]}")
            time.sleep(0.1)


@contextmanager
def service(name: str, folder: Path) -> Iterator[str]:
    """The address of a server that scripts/services.d knows; it ends with the block."""
    script = CHECKOUT / "scripts" / "services.d" / name
    environment = {**os.environ, "OWNER": str(os.getpid())}

    def do(command: str) -> str:
        done = subprocess.run([script, command, folder], env=environment, capture_output=True, text=True, check=False)
        if done.returncode and command == "start":
            raise SystemExit(f"{name} cannot run here: {done.stderr.strip()}")
        return done.stdout.strip()

    yield do("start")
    do("stop")


class Servers:
    """The CouchDB and, if the machine can have it, the Kafka that all clusters of a run share."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.couchdb = stack.enter_context(service("couchdb", folder / "couchdb"))
        self.kafka = stack.enter_context(service("kafka", folder / "kafka"))
        self.key = folder / "cluster.key"
        self.key.write_bytes(os.urandom(32))
        self.key.chmod(0o600)

    def options(self, transport: str) -> tuple[list[str], list[str]]:
        """Of the controller and of an invoker of a fresh cluster."""
        name = f"b{uuid.uuid4().hex[:8]}"
        both = ["--couchdb", self.couchdb, "--set", f"couchdb.prefix={name}_", "--set", f"kafka.topics_prefix={name}"]
        both += ["--set", "containers.prewarm=false", "--set", "controller.health_kind=python:3"]
        both += ["--set", "containers.user_memory=4 GB"]
        if transport == "actors":
            bus = f"127.0.0.1:{free_port()}"
            both += ["--key-file", str(self.key)]
            return [*both, "--id", "0", "--bus", bus], [*both, "--join", bus]
        both += ["--kafka", self.kafka]
        if transport == "http first":
            both += ["--http-first", "--key-file", str(self.key)]
        return [*both, "--id", "0"], both


def fine(status: int, body: bytes) -> bool:
    """Status 200 and the echoed text."""
    return status == 200 and body.count(b"x") >= 100


def call(name: str) -> bytes:
    """A blocking invocation."""
    return request(f"/api/v1/namespaces/_/actions/{name}?blocking=true&result=true", PAYLOAD, authorization())


async def together(address: str, calls: int, in_flight: int) -> Sample:
    """The same number of calls of every action, at the same time."""
    share, each = calls // ACTIONS, max(1, in_flight // ACTIONS)
    begun = time.perf_counter()
    parts = await asyncio.gather(
        *(measure(address, call(f"echo{number}"), share, each, fine) for number in range(ACTIONS))
    )
    whole = Sample(elapsed=time.perf_counter() - begun)
    for part in parts:
        whole.times += part.times
        whole.failures += part.failures
    return whole


def add(sample: Sample, more: Sample) -> None:
    """More calls of the same kind, made later."""
    sample.times += more.times
    sample.failures += more.failures
    sample.elapsed += more.elapsed


@frozen
class Contender:
    """Who is called, and all processes that work for it."""

    called: Node
    processes: tuple[Node, ...]

    def cpu_seconds(self) -> float:
        """Of all of them so far."""
        return sum(each.cpu_seconds() for each in self.processes)


@define
class Measured:
    """Calls one after the other, and `IN_FLIGHT` at a time; CPU seconds of the latter."""

    alone: Sample = field(factory=Sample)
    busy: Sample = field(factory=Sample)
    cpu: float = 0.0

    def turn(self, who: Contender, calls: int) -> None:
        """Some more calls."""
        add(self.alone, asyncio.run(measure(who.called.address, call("echo0"), calls // 2, 1, fine)))
        before = who.cpu_seconds()
        add(self.busy, asyncio.run(together(who.called.address, calls, IN_FLIGHT)))
        self.cpu += who.cpu_seconds() - before

    def figures(self) -> Figures:
        """Times in milliseconds."""
        found: Figures = {
            "p50_one": round(self.alone.percentile(0.5), 3),
            "p99_one": round(self.alone.percentile(0.99), 3),
            "p50_many": round(self.busy.percentile(0.5), 3),
            "p99_many": round(self.busy.percentile(0.99), 3),
            "calls_per_second": round(self.busy.rate, 1),
            "cpu_ms_per_call": round(1000 * self.cpu / len(self.busy.times), 3),
        }
        failures = [*self.alone.failures, *self.busy.failures]
        return {**found, "failures": len(failures), "first_failure": failures[0]} if failures else found


def prepared(node: Node) -> None:
    """The actions are there and warm."""
    for number in range(ACTIONS):
        node.deploy(f"echo{number}", ECHO)
    asyncio.run(together(node.address, 50 * IN_FLIGHT, IN_FLIGHT))


def in_turn(contenders: Sequence[Contender], calls: int) -> list[Measured]:
    """Measures them in turn, some calls at a time, so that all see the same machine."""
    found = [Measured() for _ in contenders]
    for _ in range(ROUNDS):
        for who, measured in zip(contenders, found, strict=True):
            measured.turn(who, calls // ROUNDS)
    return found


@contextmanager
def cluster(servers: Servers, transport: str, invokers: int) -> Iterator[Contender]:
    """A controller whose invokers are up."""
    first, more = servers.options(transport)
    with ExitStack() as stack:
        controller = stack.enter_context(Role("controller", *first))
        runners = [stack.enter_context(Role("invoker", *more, "--id", str(number))) for number in range(invokers)]
        controller.wait_for(invokers)
        yield Contender(controller, (controller, *runners))


def over(servers: Servers, transport: str, calls: int, single: Contender) -> Figures:
    """One transport, with each number of invokers, in turn with the single node."""
    found: Figures = {}
    for invokers in INVOKERS:
        print(f"  {transport}, {invokers} invokers, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        with cluster(servers, transport, invokers) as several:
            prepared(several.called)
            mine, yardstick = in_turn((several, single), calls)
        found[f"{invokers}_invokers"] = {
            **mine.figures(),
            "standalone": yardstick.figures(),
            "p50_one_against_standalone": round(mine.alone.percentile(0.5) / yardstick.alone.percentile(0.5), 2),
            "rate_against_standalone": round(mine.busy.rate / yardstick.busy.rate, 2),
            "cpu_against_standalone": round(mine.cpu / yardstick.cpu, 2),
        }
    return found


# -- the controller's share


def picks(invokers: int = 1000, batch: int = 20) -> Figures:
    """Microseconds of one choice, with so much of the memory taken."""
    wanted = [Wanted(f"ns{n % 97}", f"ns{n % 97}/action{n}", "0.0.1", 256) for n in range(5000)]
    found = {f"{round(100 * share)}_percent_taken": _pick(invokers, share, wanted, batch) for share in (0, 0.5, 0.9, 1)}
    return {**found, "while_one_action_fills_all": _fill(invokers, wanted[0], batch)}


def _fill(invokers: int, wanted: Wanted, batch: int) -> Figures:
    """Its path passes ever more full ones."""
    choice, times = ShardingChoice(), []
    choice.update_invokers([(2048, True)] * invokers)
    for _ in range(len(choice.managed) * 8 // batch):
        begun = time.thread_time_ns()
        for _ in range(batch):
            choice.choose(wanted)
        times.append((time.thread_time_ns() - begun) / batch / 1000)
    return _middle(times)


def _pick(invokers: int, share: float, wanted: list[Wanted], batch: int) -> Figures:
    choice, chance = ShardingChoice(), random.Random(1)
    choice.update_invokers([(2048, True)] * invokers)
    taken: list[tuple[int, Wanted]] = []

    def choose(wanted: Wanted) -> None:
        chosen = choice.choose(wanted, chance.getrandbits(30))
        assert chosen is not None
        taken.append((chosen.invoker, wanted))

    for _ in range(int(len(choice.managed) * 8 * share)):
        choose(chance.choice(wanted))
    times = []
    for _ in range(1000):
        next_ones = [chance.choice(wanted) for _ in range(batch)]
        begun = time.thread_time_ns()
        for each in next_ones:
            choose(each)
        times.append((time.thread_time_ns() - begun) / batch / 1000)
        for _ in next_ones:
            choice.release(*taken.pop(chance.randrange(len(taken))))
    return _middle(times)


def _middle(times: list[float]) -> Figures:
    times.sort()
    return {"p50_us": round(times[len(times) // 2], 2), "p90_us": round(times[len(times) * 9 // 10], 2)}


def heartbeats(servers: Servers) -> Figures:
    """CPU of a controller without hosts, and with 100 that ping and say each second that they are there."""
    from bench_cluster_crowd import crowd

    found: Figures = {}
    for transport in ("actors", "kafka"):
        options, _ = servers.options(transport)
        with Role("controller", *options) as controller, tempfile.TemporaryDirectory(prefix="owb-") as folder:
            time.sleep(3)
            idle = share_of_a_core(controller)
            with crowd(options, HOSTS, Path(folder)) as said:
                controller.wait_for(HOSTS)
                time.sleep(10)
                begun, before = time.monotonic(), said()
                busy = share_of_a_core(controller)
                rate = (said() - before) / (time.monotonic() - begun)
        found[transport] = {
            "hosts": HOSTS,
            "messages_per_second": round(rate, 1),
            "idle_percent_of_a_core": round(100 * idle, 2),
            "with_hosts_percent_of_a_core": round(100 * busy, 2),
            "heartbeats_percent_of_a_core": round(100 * (busy - idle), 2),
        }
    return found


def share_of_a_core(node: Node) -> float:
    """CPU seconds per second of all its processes, for a while."""
    begun, before = time.monotonic(), node.cpu_seconds()
    time.sleep(WATCH_SECONDS)
    return (node.cpu_seconds() - before) / (time.monotonic() - begun)


def cluster_suite(calls: int) -> Figures:
    """The suite; nothing of it stays, also when it is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found: Figures = {"choice_among_1000_invokers": picks()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="owactors-bench-")))
        servers = Servers(stack, folder)
        found["heartbeats"] = heartbeats(servers)
        node = stack.enter_context(Node("containers.user_memory=4 GB", "containers.prewarm=false"))
        prepared(node)
        single = Contender(node, (node,))
        for transport in TRANSPORTS:
            found[transport.replace(" ", "_")] = over(servers, transport, calls, single)
    return found
