"""The suite `actors` of scripts/bench: our actor base against Thespian's own, in one run.

Each base runs in an interpreter of its own. Round trips carry 300 bytes between two actors; a call of the path goes
through four actors and the same way back (on our base two and two in two processes, on Thespian's each in its own).
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_actor_cast import Host, Made, Make, Run, Took
from thespian.actors import ActorAddress, ActorSystem

ROUNDS = 3
IN_FLIGHT = (1, 8, 64)
SECONDS = 120
MEGABYTE = 1 << 20
LARGE = 40
TARGETS: dict[str, tuple[float, str]] = {
    "round_trip_in_process_us": (15, "at most"),
    "round_trip_between_processes_us": (100, "at most"),
    "round_trip_between_processes_64_us": (17, "at most"),
    "path_calls_against_multiprocTCPBase": (10, "at least"),
    "one_way_1kb_per_second": (10_000, "at least"),
    "megabyte_against_raw_socket": (3, "at most"),
    "create_near_ms": (0.1, "at most"),
    "memory_near_kb": (50, "at most"),
}

Figures = dict[str, float]


class Scene:
    """Actors on one base: a driver and an echo, and the four of a path."""

    def __init__(self, systems: list[ActorSystem], near: bool) -> None:
        self.system, self._near = systems[0], near
        self.homes = [system.createActor(Host) for system in (systems[0], systems[-1])]

    def ask(self, target: ActorAddress, message: object) -> Any:
        answer = self.system.ask(target, message, SECONDS)
        if not isinstance(answer, (Made, Took)):
            raise TimeoutError(f"{type(message).__name__} was answered with {answer!r}")
        return answer

    def make(self, home: int, kind: str, near: bool, count: int = 1) -> Made:
        made: Made = self.ask(self.homes[home], Make(kind, near, count))
        return made

    def time(self, driver: ActorAddress, run: Run) -> float:
        """Seconds."""
        took: Took = self.ask(driver, run)
        return took.seconds


def measure_trips(scene: Scene, near: bool, count: int) -> Figures:
    """Microseconds of a round trip, of one with a megabyte each way, and messages one way."""
    driver = scene.make(0, "driver", near).addresses[0]
    echo = scene.make(0 if near else 1, "echo", near).addresses[0]
    scene.time(driver, Run(echo, 300, 8))
    figures = {}
    for in_flight in IN_FLIGHT:
        figures[f"round_trip_{in_flight}_us"] = scene.time(driver, Run(echo, count, in_flight)) / count * 1e6
    return figures


def measure_streams(scene: Scene, count: int) -> Figures:
    """One way: 1 KB messages per second, and milliseconds of a round trip of 1 MB both ways, between processes."""
    driver = scene.make(0, "driver", near=False).addresses[0]
    echo = scene.make(1, "echo", near=False).addresses[0]
    rate = count / scene.time(driver, Run(echo, count, 0, 1000))
    scene.time(driver, Run(echo, 4, 1, MEGABYTE))
    large = scene.time(driver, Run(echo, LARGE, 1, MEGABYTE)) / LARGE * 1e3
    return {"one_way_1kb_per_second": rate, "megabyte_both_ways_ms": large}


def measure_path(scene: Scene, ours: bool, count: int) -> Figures:
    """Calls per second through four actors and back, 16 in flight."""
    if ours:  # the first two in one process, the others in another
        driver, first = scene.make(0, "driver", True).addresses[0], scene.make(0, "echo", True).addresses[0]
        path = [driver, first, *scene.make(1, "echo", True, 2).addresses]
    else:
        driver = scene.make(0, "driver", False).addresses[0]
        path = [driver, *scene.make(0, "echo", False, 3).addresses]
    scene.time(driver, Run(path, 100, 16))
    return {"path_calls_per_second": count / scene.time(driver, Run(path, count, 16))}


def measure_creation(scene: Scene, near: bool) -> Figures:
    if not near:
        return {"create_process_ms": scene.make(0, "echo", False, 5).seconds / 5 * 1e3}
    made = scene.make(0, "echo", True, 2000)
    return {"create_near_ms": made.seconds / 2000 * 1e3, "memory_near_kb": made.memory / 2000 / 1024}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def stock(base: str) -> Callable[[str], list[ActorSystem]]:
    def start(folder: str) -> list[ActorSystem]:
        quiet = {"version": 1, "root": {"level": 60}}
        return [ActorSystem(base, {"Admin Port": free_port()}, logDefs=quiet, transientUnique=True)]

    return start


def own(folder: str) -> list[ActorSystem]:
    return [_own_system(os.path.join(folder, "one"))]


def own_tcp(folder: str) -> list[ActorSystem]:
    """Two systems that share a key and meet over TCP, as on two hosts: every frame has its seal."""
    more = {"Actor Key File": os.path.join(folder, "common"), "Listen Address": "127.0.0.1"}
    return [_own_system(os.path.join(folder, name), **more) for name in ("one", "two")]


def _own_system(folder: str, **more: Any) -> ActorSystem:
    from owactors import actorbase

    actorbase.install()
    actorbase.allow("bench_actor_cast")
    return ActorSystem("owactorsBase", actorbase.capabilities(folder, more=more), transientUnique=True)


VARIANTS: dict[str, Callable[[str], list[ActorSystem]]] = {
    "own": own,
    "own, TCP": own_tcp,
    "multiprocTCPBase": stock("multiprocTCPBase"),
    "multiprocUDPBase": stock("multiprocUDPBase"),
}


def run_variant(name: str, calls: int) -> dict[str, Figures]:
    """All figures of one base."""
    ours = name.startswith("own")
    count = calls * 4 if ours else max(200, calls // 2)
    with tempfile.TemporaryDirectory(prefix="owactors-bench-") as folder:
        systems = VARIANTS[name](folder)
        try:
            scene = Scene(systems, near=False)
            figures = measure_trips(scene, False, count)
            figures |= measure_path(scene, ours, count)
            if name != "multiprocUDPBase":  # loses what is larger than a datagram, and floods
                figures |= measure_streams(scene, 10_000 if ours else max(500, calls // 2))
            figures |= measure_creation(scene, near=False)
            results = {name: figures}
            if name == "own":
                near = measure_trips(scene, True, count) | measure_creation(scene, near=True)
                results["own, one process"] = near
            return results
        finally:
            for system in reversed(systems):
                system.shutdown()


def raw_copy_ms() -> float:
    """Milliseconds for 1 MB there and back over a plain unix socket between two processes."""
    near, far = socket.socketpair()
    pid = os.fork()
    if not pid:
        near.close()
        _copy(far, LARGE + 4, first=False)
        os._exit(0)
    far.close()
    _copy(near, 4, first=True)
    begun = time.perf_counter()
    _copy(near, LARGE, first=True)
    took = time.perf_counter() - begun
    os.waitpid(pid, 0)
    return took / LARGE * 1e3


def _copy(sock: socket.socket, count: int, first: bool) -> None:
    """Throws a megabyte and catches it again, or the other way round."""
    buffer = bytearray(os.urandom(MEGABYTE))
    for _ in range(count):
        if first:
            sock.sendall(buffer)
        got = 0
        while got < MEGABYTE:
            got += sock.recv_into(memoryview(buffer)[got:])
        if not first:
            sock.sendall(buffer)


def in_own_interpreter(name: str, calls: int) -> dict[str, Figures]:
    """The figures of a base; {"failed": ...} where it does not work. Its processes may outlive a failure's output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        command = [sys.executable, __file__, name, str(calls)]
        try:
            code = subprocess.run(command, stdout=out, stderr=errors, timeout=SECONDS * 3, check=False).returncode
        except subprocess.TimeoutExpired:
            return {name: {"failed": "it did not end"}}  # type: ignore[dict-item]
        out.seek(0)
        errors.seek(0)
        if code:
            return {name: {"failed": (errors.read().strip().splitlines() or ["?"])[-1]}}  # type: ignore[dict-item]
        figures: dict[str, Figures] = json.loads(out.read().splitlines()[-1])
        return figures


def medians(runs: list[Figures]) -> Figures:
    good = [run for run in runs if "failed" not in run]
    if not good:
        return runs[0]
    return {name: round(statistics.median(run[name] for run in good), 4) for name in good[0]}


def compared(results: dict[str, Figures]) -> dict[str, Any]:
    """What the targets speak of, with their limits."""
    own, near, stock_base = results["own"], results["own, one process"], results["multiprocTCPBase"]
    found = {
        "round_trip_in_process_us": near["round_trip_1_us"],
        "round_trip_between_processes_us": own["round_trip_1_us"],
        "round_trip_between_processes_64_us": own["round_trip_64_us"],
        "one_way_1kb_per_second": own["one_way_1kb_per_second"],
        "megabyte_against_raw_socket": own["megabyte_both_ways_ms"] / results["raw socket"]["megabyte_both_ways_ms"],
        "create_near_ms": near["create_near_ms"],
        "memory_near_kb": near["memory_near_kb"],
    }
    if "failed" not in stock_base:
        ratio = own["path_calls_per_second"] / stock_base["path_calls_per_second"]
        found["path_calls_against_multiprocTCPBase"] = ratio
    return {
        name: f"{value:.4g} ({word} {limit:g})" for name, (limit, word) in TARGETS.items() if (value := found.get(name))
    }


def actors(calls: int) -> dict[str, Any]:
    """Every base, rounds interleaved, medians; ratios against Thespian's multiprocTCPBase and a raw socket."""
    runs: dict[str, list[Figures]] = {}
    for _ in range(ROUNDS):
        runs.setdefault("raw socket", []).append({"megabyte_both_ways_ms": raw_copy_ms()})
        for name in VARIANTS:
            for variant, figures in in_own_interpreter(name, calls).items():
                runs.setdefault(variant, []).append(figures)
    results: dict[str, Any] = {name: medians(each) for name, each in runs.items()}
    return {"targets": compared(results), **results}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    print(json.dumps(run_variant(sys.argv[1], int(sys.argv[2]))))
