"""Pause and resume, and what a call costs after it, beside a call to a container that was not paused."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import bench_backends as backends
from bench_client import Sample

RUN = {"value": {"text": "x"}}


async def paused(way: backends.Way, count: int) -> dict[str, Any]:
    """Each step by itself; and a hot run with its log, beside one without."""
    names = ("suspend", "resume", "run_after_it", "hot_run", "hot_run_with_log", "direct_call")
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

        direct = backends.Direct(container, json.dumps(RUN).encode())
        for _ in range(count):
            begun = time.perf_counter()
            direct.call()
            samples["direct_call"].times.append(time.perf_counter() - begun)
        direct.close()
        for _ in range(count):
            await timed("suspend", container.suspend())
            await timed("resume", container.resume())
            await timed("run_after_it", container.run(RUN, 30, log_limit=0))
            await timed("hot_run", container.run(RUN, 30, log_limit=0))
            await timed("hot_run_with_log", with_log())
        await container.destroy()
    with_its_log = samples["hot_run_with_log"].percentile(0.5) - samples["direct_call"].percentile(0.5)
    both = samples["suspend"].percentile(0.5) + samples["resume"].percentile(0.5)
    told: dict[str, Any] = {name: backends.figures(sample) for name, sample in samples.items()}
    targets = {"suspend_and_resume_p50": backends.against(both, 1)}
    targets["hot_run_with_log_beyond_direct_call_p50"] = backends.against(with_its_log, 1)
    return {"targets": targets, **told}


def pause(calls: int) -> dict[str, Any]:
    """Every back end."""
    count = max(20, calls // 10)
    return {way.name: asyncio.run(paused(way, count)) for way in backends.ways(backends.docker_host())}
