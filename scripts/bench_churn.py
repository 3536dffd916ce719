"""Whole lives of containers, several at once: how many a second, and what each costs the processors."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import bench_backends as backends


async def lives(way: backends.Way, count: int, at_once: int) -> dict[str, Any]:
    """Create, init, run, destroy."""
    left = iter(range(count))

    async with backends.started(way) as factory:

        async def one_after_the_other() -> None:
            for _ in left:
                await (await backends.ready(factory)).destroy()

        begun, busy = time.perf_counter(), backends.busy_seconds()
        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
        elapsed, busy = time.perf_counter() - begun, backends.busy_seconds() - busy
    return {"lives_per_second": round(count / elapsed, 1), "cpu_ms_each": round(busy / count * 1000, 1)}


def churn(calls: int) -> dict[str, Any]:
    """Every back end at 1, 2, 4 and 8 at once. The processor time is the whole machine's, others' work included."""
    count = max(12, min(200, calls // 10))
    found: dict[str, Any] = {}
    for way in backends.ways(backends.docker_host()):
        some = count if way.name != "docker" else max(12, count // 10)
        found[way.name] = {f"{n}_at_once": asyncio.run(lives(way, some, n)) for n in (1, 2, 4, 8)}
    return found
