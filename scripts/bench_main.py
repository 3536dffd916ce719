"""Measures a standalone node over HTTP, and in the same run a direct POST /run to the same action as yardstick.

    scripts/bench [SUITE ...] [--json] [--calls N]

Times are milliseconds. Every figure of the node stands beside the yardstick's of the same run: ratios can be
compared between machines and days, times cannot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from bench_actors import actors
from bench_churn import churn
from bench_client import Sample, measure, request
from bench_cluster import cluster_suite
from bench_cold import cold
from bench_density import density
from bench_node import Node, authorization
from bench_pause import pause
from bench_rest import rest
from bench_steps import steps

from owactors.container.port import Container, ContainerSpec
from owactors.container.sandbox.factory import SandboxFactory
from owactors.container.sandbox.settings import SandboxSettings

ECHO = "def main(args):\n    return {'text': args.get('text', '')}\n"
KIND = "python:3"
PAYLOAD = {"text": "x" * 100}


def node_call(name: str, payload: dict[str, Any]) -> bytes:
    """A blocking invocation."""
    path = f"/api/v1/namespaces/_/actions/{name}?blocking=true&result=true"
    return request(path, json.dumps(payload).encode(), authorization())


def fine(status: int, body: bytes) -> bool:
    """Status 200 and the echoed text."""
    return status == 200 and body.count(b"x") >= 100


def summary(sample: Sample) -> dict[str, Any]:
    """Percentiles, rate and failures."""
    figures: dict[str, Any] = {
        "p50": round(sample.percentile(0.5), 3),
        "p90": round(sample.percentile(0.9), 3),
        "p99": round(sample.percentile(0.99), 3),
        "calls_per_second": round(sample.rate, 1),
    }
    if sample.failures:
        figures["failures"] = len(sample.failures)
        figures["first_failure"] = sample.failures[0]
    return figures


async def with_container(use: Callable[[Callable[[], Awaitable[Container]]], Awaitable[Any]]) -> Any:
    """Runs `use` with a maker of bare, initialised sandboxes, the yardstick."""
    with tempfile.TemporaryDirectory(prefix="owactors-bench-") as folder:
        factory = SandboxFactory(SandboxSettings(Path(folder), (KIND,)))
        await factory.start()
        made: list[Container] = []

        async def make() -> Container:
            container = await factory.create(ContainerSpec(f"bench{len(made)}", KIND))
            made.append(container)
            value = {"name": "echo", "main": "main", "code": ECHO, "binary": False, "env": {}}
            await container.initialize({"value": value}, 10)
            return container

        try:
            return await use(make)
        finally:
            await factory.close()


async def direct(calls: int, in_flight: int) -> Sample:
    """POST /run straight to an action, keep-alive; with several in flight, over as many containers."""
    body = json.dumps({"value": PAYLOAD}).encode()

    async def use(make: Callable[[], Awaitable[Container]]) -> Sample:
        containers = [await make() for _ in range(min(in_flight, 4))]
        share = calls // len(containers)
        begun = time.perf_counter()
        parts = await asyncio.gather(
            *(measure(each.address, request("/run", body), share, 1, fine) for each in containers)
        )
        both = Sample([t for part in parts for t in part.times], elapsed=time.perf_counter() - begun)
        both.failures = [failure for part in parts for failure in part.failures]
        return both

    sample: Sample = await with_container(use)
    return sample


def warm(calls: int) -> dict[str, Any]:
    """Warm calls at 1, 4 and 16 in flight, beside the direct ones; then where a call's time and CPU go."""
    figures: dict[str, Any] = {}
    with Node("containers.user_memory=4 GB", "containers.prewarm=false") as node:
        figures["start_seconds"] = round(node.start_seconds, 3)
        figures["memory_mb_idle"] = round(node.memory_mb(), 1)
        node.deploy("echo", ECHO)
        for in_flight in (1, 4, 16):
            asyncio.run(measure(node.address, node_call("echo", PAYLOAD), 50 * in_flight, in_flight, fine))
            before = node.cpu_seconds()
            sample = asyncio.run(measure(node.address, node_call("echo", PAYLOAD), calls, in_flight, fine))
            cpu = (node.cpu_seconds() - before) / calls * 1000
            bare = asyncio.run(direct(calls, in_flight))
            figures[f"{in_flight}_in_flight"] = {
                "node": {**summary(sample), "cpu_ms_per_call": round(cpu, 3)},
                "direct": summary(bare),
                "p50_above_direct_ms": round(sample.percentile(0.5) - bare.percentile(0.5), 3),
                "rate_share_of_direct": round(sample.rate / bare.rate, 4),
            }
        figures["memory_mb_after"] = round(node.memory_mb(), 1)
    figures["steps"] = steps(lambda node: node.deploy("echo", ECHO), node_call("echo", PAYLOAD), fine, calls)
    return figures


def burst(calls: int) -> dict[str, Any]:
    """1,000 calls at once with room for eight containers; all must be answered."""
    count = min(1000, calls)
    with Node("containers.user_memory=2 GB", "containers.prewarm=false") as node:
        node.deploy("echo", ECHO)
        sample = asyncio.run(measure(node.address, node_call("echo", PAYLOAD), count, count, fine))
    bare = asyncio.run(direct(count, 4))
    return {
        "calls": count,
        "node": summary(sample),
        "direct": summary(bare),
        "rate_share_of_direct": round(sample.rate / bare.rate, 4),
    }


SUITES: dict[str, Callable[[int], dict[str, Any]]] = {
    "warm": warm,
    "cold": cold,
    "burst": burst,
    "pause": pause,
    "density": density,
    "churn": churn,
    "rest": rest,
    "actors": actors,
    "cluster": cluster_suite,
}


def conditions() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def show(figures: Any, depth: int = 0) -> None:
    """Nested figures as indented lines."""
    wide = max(24, *(len(name) for name in figures)) if figures else 24
    for name, value in figures.items():
        if (
            isinstance(value, dict)
            and 0 < len(value) <= 2
            and not any(isinstance(each, dict) for each in value.values())
        ):
            print("  " * depth + f"{name:{wide}}  " + "  ".join(f"{each:>7} {what}" for what, each in value.items()))
        elif isinstance(value, dict):
            print("  " * depth + f"{name}:")
            show(value, depth + 1)
        else:
            print("  " * depth + f"{name:{wide}} {value}")


def main() -> int:
    """Runs the suites named; exit code 1 if a call failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"some of {', '.join(SUITES)}; all without")
    parser.add_argument("--calls", type=int, default=2000, help="calls per measurement (2000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    unknown = [name for name in options.suites if name not in SUITES]
    if unknown:
        parser.error(f"no suite {unknown[0]!r}: choose from {', '.join(SUITES)}")
    results: dict[str, Any] = {"conditions": conditions()}
    for name in options.suites or SUITES:
        if not options.json:
            print(f"measuring {name} ...", file=sys.stderr)
        results[name] = SUITES[name](options.calls)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 1 if '"first_failure"' in json.dumps(results) else 0


if __name__ == "__main__":
    sys.exit(main())
