"""Where the time of a warm call goes, and the CPU: from a node with a stopwatch inside (bench_probe.py).

The way of a call is cut at fixed places, in the order in which it passes them; so the steps of a call add up to its
whole time. What the processes do beside that way, such as reading logs and storing the record, costs CPU only.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from bisect import bisect_left
from collections import defaultdict
from pathlib import Path
from typing import Any

from attrs import frozen
from bench_client import Sample, measure
from bench_node import Node

Moments = dict[tuple[str, int], list[int]]
BEGIN, END = 0, 1
CONTROLLER, INVOKER = "controller", "invoker"


@frozen
class Place:
    """A step ends where this function of this process begins or ends."""

    process: str
    function: str
    edge: int
    step: str


#: in the order in which a call passes them
WAY = (
    Place(CONTROLLER, "HttpToolsProtocol.data_received", BEGIN, "the request reaches the controller (kernel, wake-up)"),
    Place(CONTROLLER, "Application._http", BEGIN, "HTTP read, task begun"),
    Place(CONTROLLER, "Authentication.identify", END, "routed, caller known"),
    Place(CONTROLLER, "Entitlement.check", END, "entitlement and throttles"),
    Place(CONTROLLER, "Repository.resolve", END, "arguments read, action found"),
    Place(CONTROLLER, "PrimitiveRunner.message", END, "message for the invoker made"),
    Place(CONTROLLER, "IoActor.receiveMessage Publish", BEGIN, "handed to the load balancer (task, mailbox)"),
    Place(CONTROLLER, "LoadBalancer._send", BEGIN, "load balancer"),
    Place(CONTROLLER, "pack_letter ActivationMessage", END, "message pickled"),
    Place(INVOKER, "Incoming._read", BEGIN, "to the invoker's process (socket, wake-up)"),
    Place(INVOKER, "loads ActivationMessage", END, "message read, unpickled"),
    Place(INVOKER, "IoActor.receiveMessage Run", BEGIN, "invoker takes it in"),
    Place(INVOKER, "run", BEGIN, "container pool and proxy, task begun"),
    Place(INVOKER, "Connection._begin", BEGIN, "request for the action made"),
    Place(INVOKER, "Connection.data_received", BEGIN, "the action: POST /run and back"),
    Place(INVOKER, "ContainerProxy._outcome RunEnded", BEGIN, "answer read, task ended"),
    Place(INVOKER, "pack_letter CombinedCompletionAndResultMessage", BEGIN, "logs taken, job ended, acknowledged"),
    Place(INVOKER, "pack_letter CombinedCompletionAndResultMessage", END, "result pickled"),
    Place(CONTROLLER, "Incoming._read", BEGIN, "to the controller's process (socket, wake-up)"),
    Place(CONTROLLER, "loads CombinedCompletionAndResultMessage", END, "result read, unpickled"),
    Place(CONTROLLER, "IoActor.receiveMessage Answer", END, "load balancer and controller take it"),
    Place(CONTROLLER, "Application._send", BEGIN, "waiting tasks go on, answer made"),
    Place(CONTROLLER, "Application._send", END, "answer written"),
)
LAST_STEP = "to the client (kernel, wake-up)"
#: work on the way and beside it, whose time is added up over all its calls
WORK = {
    "messages handled by actors": ("IoActor.receiveMessage ",),
    "log lines": ("Log.write",),
    "steps noted for `owactors explain`": ("Stories.note",),
    "messages pickled": ("pack_letter ",),
    "messages unpickled": ("loads ",),
    "writes to sockets between the processes": ("Outbox.flush",),
    "after the answer: room told, record handed on": (
        "IoActor.receiveMessage NeedWork",
        "IoActor.receiveMessage StoreA",
    ),
    "after the answer: records taken by the controller": ("IoActor.receiveMessage StoreRecords",),
    "after the answer: batches written (a thread of the controller)": ("Writer._write",),
}


NAMED = {"owactors.actorbase.running": "event loop and its system calls", "__main__": "the stopwatch itself"}


class Seen:
    """What the probes of a node wrote."""

    def __init__(self, folder: Path) -> None:
        self._all = [json.loads(path.read_text()) for path in folder.glob("*.json")]

    def process(self, function: str) -> dict[str, Any]:
        """What the process saw in which this function ran most."""
        return max(self._all, key=lambda seen: sum(name == function for name, _, _ in seen["marks"]))


def moments_of(seen: dict[str, Any]) -> Moments:
    """Times in ns by function and edge, in order."""
    found: Moments = defaultdict(list)
    for name, edge, at in seen["marks"]:
        found[name, edge].append(at)
    for times in found.values():
        times.sort()
    return found


def passed(moments: dict[str, Moments], sent: int, received: int) -> list[int] | None:
    """When one call was at each place; None if it was not at all of them, in order."""
    at, times = sent, [sent]
    for place in WAY:
        candidates = moments[place.process].get((place.function, place.edge), [])
        index = bisect_left(candidates, at)
        if index == len(candidates) or candidates[index] > received:
            return None
        at = candidates[index]
        times.append(at)
    return [*times, received]


def way(moments: dict[str, Moments], calls: list[tuple[int, int]]) -> dict[str, Any]:
    """Steps in microseconds: means of the calls whose whole time is between the quartiles."""
    known = [times for sent, received in calls if (times := passed(moments, sent, received)) is not None]
    known.sort(key=lambda times: times[-1] - times[0])
    middle = known[len(known) // 4 : -(len(known) // 4) or None]
    whole = sum(times[-1] - times[0] for times in middle)
    steps = {}
    for number, step in enumerate([*(place.step for place in WAY), LAST_STEP]):
        spent = sum(times[number + 1] - times[number] for times in middle)
        steps[step] = {"us": round(spent / len(middle) / 1000, 1), "percent": round(100 * spent / whole, 1)}
    return {
        "calls_followed": f"{len(known)} of {len(calls)}; means of the {len(middle)} between the quartiles",
        "whole_us": round(whole / len(middle) / 1000, 1),
        "steps": steps,
    }


def work(seen: list[dict[str, Any]], begun: int, ended: int, calls: int) -> dict[str, dict[str, float]]:
    """How often per call each kind of work was done, and for how long in all (by the clock)."""
    figures = {}
    for what, prefixes in WORK.items():
        spent = [done for one in seen for done in durations(one, prefixes, begun, ended)]
        figures[what] = {"times": round(len(spent) / calls, 2), "us": round(sum(spent) / calls / 1000, 1)}
    return figures


def durations(seen: dict[str, Any], prefixes: tuple[str, ...], begun: int, ended: int) -> list[int]:
    """How long these functions took, those calls of them that lay between two moments; in ns."""
    marks = seen["marks"]  # begin and end of a call stand next to each other
    pairs = zip(marks[::2], marks[1::2], strict=True)
    return [
        end - start
        for (name, _, start), (_, _, end) in pairs
        if name.startswith(prefixes) and begun <= start and end <= ended
    ]


def profile(seen: dict[str, Any], begun: int, ended: int, calls: int) -> dict[str, float]:
    """CPU in microseconds per call by the package or module that was running; other threads apart."""
    found: dict[str, float] = defaultdict(float)
    for at, main, others, module in seen["samples"]:
        if begun <= at <= ended:
            found[_group(module)] += main
            found["other threads"] += others
    total = sum(found.values())
    shown = sorted(found.items(), key=lambda item: -item[1])
    small = sum(value for _, value in shown if value < total / 100)
    figures = {name: round(value / calls / 1000, 1) for name, value in shown if value >= total / 100}
    return {
        "all": round(total / calls / 1000, 1),
        **figures,
        "less than a hundredth each": round(small / calls / 1000, 1),
    }


def _group(module: str) -> str:
    if module in NAMED:
        return NAMED[module]
    parts = module.split(".")
    return ".".join(parts[:3]) if parts[0] == "owactors" else parts[0]


def _timed(sample: Sample) -> list[tuple[int, int]]:
    return [
        (int(begun * 1e9), int((begun + took) * 1e9)) for begun, took in zip(sample.begun, sample.times, strict=True)
    ]


def steps(deploy: Any, call: bytes, good: Any, calls: int) -> dict[str, Any]:
    """The steps of a call at 1 in flight; CPU by module at 1 and at 16. `deploy` puts the action on a node."""
    with tempfile.TemporaryDirectory(prefix="owactors-probe-") as folder:
        program = (str(Path(__file__).parent / "bench_probe.py"), folder)
        samples: dict[int, Sample] = {}
        with Node("containers.user_memory=4 GB", "containers.prewarm=false", program=program) as node:
            deploy(node)
            for in_flight in (1, 16):
                asyncio.run(measure(node.address, call, 50 * in_flight, in_flight, good))
                samples[in_flight] = asyncio.run(measure(node.address, call, calls, in_flight, good))
        seen = Seen(Path(folder))
    processes = {
        CONTROLLER: seen.process("IoActor.receiveMessage Publish"),
        INVOKER: seen.process("IoActor.receiveMessage Run"),
    }
    alone = _timed(samples[1])
    figures = {"p50_with_stopwatch_ms": round(samples[1].percentile(0.5), 3)}
    figures |= way({name: moments_of(one) for name, one in processes.items()}, alone)
    for in_flight, sample in samples.items():
        times = _timed(sample)
        span = times[0][0], max(received for _, received in times)
        figures[f"work_per_call_{in_flight}_in_flight"] = work(list(processes.values()), *span, calls)
        figures[f"cpu_us_per_call_{in_flight}_in_flight"] = {
            name: profile(one, *span, calls) for name, one in processes.items()
        }
    return figures
