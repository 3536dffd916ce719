"""Pause and resume, and what a call costs after it, beside a call to a container that was not paused."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import bench_backends as backends
from bench_client import Sample

RUN = {"value": {"text": "x"}}


async def paused(way: backends.Way, count: int) -> dict[str, Any]:
    """Each step by itself; and a hot run with its log, beside one without."""
    names = ("suspend", "resume", "run_after_it", "hot_run", "hot_run_with_log")
    samples = {name: Sample() for name in names}
    async with backends.started(way) as factory:
        container = await backends.ready(factory)

        async def timed(name: str, work: Any) -> None:
            begun = time.perf_counter()
            await work
            samples[name].times.append(time.perf_counter() - begun)

        async def with_log() -> None:
            await container.run(RUN, 30)
            await container.logs(10_000, True)

        for _ in range(count):
            await timed("suspend", container.suspend())
            await timed("resume", container.resume())
            await timed("run_after_it", container.run(RUN, 30, log_limit=0))
            await timed("hot_run", container.run(RUN, 30, log_limit=0))
            await timed("hot_run_with_log", with_log())
        await container.destroy()
    both = samples["suspend"].percentile(0.5) + samples["resume"].percentile(0.5)
    told: dict[str, Any] = {name: backends.figures(sample) for name, sample in samples.items()}
    return {"suspend_and_resume_p50": round(both, 2), **told}


def pause(calls: int) -> dict[str, Any]:
    """Every back end."""
    count = max(20, calls // 10)
    return {way.name: asyncio.run(paused(way, count)) for way in backends.ways(backends.docker_host())}
