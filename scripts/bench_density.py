"""What an idle container takes of the machine's memory."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import bench_backends as backends
from bench_client import Sample

from owactors.container.docker.container import DockerContainer
from owactors.container.port import Container
from owactors.container.sandbox.container import SandboxContainer

GB = 1024


def available_mb() -> float:
    """What the kernel would give to new programs."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def processes_of(container: Container) -> list[int]:
    """Its processes, of a Docker container also the one that the engine has for it; none where they are not known."""
    if isinstance(container, SandboxContainer):
        return list(container._pids())
    group = container._group if isinstance(container, DockerContainer) else None
    inside = [] if group is None else list(group.pids())
    parents = {int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in inside}
    return [*inside, *(parents - set(inside))]


def proportional_mb(container: Container) -> float:
    """Of its processes, what is shared divided among those who share it; 0 where they are not known."""
    total = 0
    for pid in processes_of(container):
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


async def packed(way: backends.Way, kind: str, count: int) -> dict[str, Any]:
    """Containers that have answered once: what each took of the memory; the last starts beside the first."""
    starts = Sample()
    loop = asyncio.get_running_loop()
    async with backends.started(way) as factory:
        made = [await backends.ready(factory, kind)]
        before = available_mb()
        for _ in range(count):
            begun = loop.time()
            made.append(await backends.ready(factory, kind))
            starts.times.append(loop.time() - begun)
        await asyncio.sleep(1)
        each = (before - available_mb()) / count
        own = sum(proportional_mb(container) for container in made) / len(made)
    first, last = Sample(starts.times[: count // 4]), Sample(starts.times[-count // 4 :])
    return {
        "containers": count,
        "mb_each_by_its_processes": round(own, 2) or None,
        "mb_each_by_what_is_left": round(each, 2),
        "containers_per_gb": round(GB / (own or max(each, 0.1))),
        "start_p50_of_the_first_quarter": round(first.percentile(0.5), 1),
        "start_p50_of_the_last_quarter": round(last.percentile(0.5), 1),
    }


def density(calls: int) -> dict[str, Any]:
    """Every back end and kind. Other work on the machine shows in the figures."""
    count = max(12, min(60, calls // 30))
    found = {}
    for way in backends.ways(backends.docker_host()):
        for kind in way.kinds:
            found[f"{way.name} {kind}"] = asyncio.run(packed(way, kind, count if way.name != "docker" else count // 3))
    return found
