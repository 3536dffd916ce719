"""Cold starts: through the node, in each back end by itself, and beside a bare process and `docker run` by hand."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import Any

import bench_backends as backends
from bench_client import Sample, measure, request
from bench_node import Node, authorization
from bench_overdue import overdue

ALTERNATING, ROOM_FOR = 12, 4
OVERDUE = ", from the time limit to the end of the last process"
PREWARMED = ["wait", "init", "run"]
IDLE = 0.3
"""Seconds between two calls, in which the next prewarmed container is made."""


def call(name: str, whole: bool = False) -> bytes:
    """A blocking invocation; `whole`: the answer is the record."""
    path = f"/api/v1/namespaces/_/actions/{name}?blocking=true&result={'false' if whole else 'true'}"
    return request(path, json.dumps({"text": "x"}).encode(), authorization())


def fine(status: int, body: bytes) -> bool:
    """Status 200."""
    return status == 200


def through_node(count: int, *settings: str) -> Sample:
    """First calls of new actions."""
    sample = Sample()
    with Node("containers.user_memory=16 GB", "containers.prewarm=false", *settings) as node:
        for number in range(count + 1):
            node.deploy(f"cold{number}", backends.ECHO["python:3"])
        asyncio.run(measure(node.address, call(f"cold{count}"), 1, 1, fine))
        for number in range(count):
            one = asyncio.run(measure(node.address, call(f"cold{number}"), 1, 1, fine))
            sample.times += one.times
            sample.failures += one.failures
    return sample


def prewarmed(count: int) -> dict[str, Any]:
    """First calls of new actions that met a prewarmed container, in turns with a warm call, each after a pause."""
    first, warm, met = Sample(), Sample(), 0

    def timed(node: Node, name: str) -> tuple[float, list[str]]:
        bodies: list[bytes] = []
        time.sleep(IDLE)
        one = asyncio.run(
            measure(node.address, call(name, True), 1, 1, lambda s, body: bodies.append(body) or s == 200)
        )
        notes = {note["key"]: note["value"] for note in json.loads(bodies[0])["annotations"]}
        return one.times[0], list(notes["phases"])

    with Node("containers.user_memory=16 GB") as node:
        for number in range(count + 1):
            node.deploy(f"new{number}", backends.ECHO["python:3"])
        time.sleep(2)
        for number in range(count + 1):
            seconds, phases = timed(node, f"new{number}")
            if number and phases == PREWARMED:
                met += 1
                first.times.append(seconds)
                warm.times.append(timed(node, f"new{number - 1}")[0])
    return {"first_call": backends.figures(first), "warm_call": backends.figures(warm), "calls": met}


def alternating(rounds: int, *settings: str) -> dict[str, Any]:
    """12 actions in turn with memory for 4: each call needs a container that another one has to leave."""
    sample = Sample()
    with Node(f"containers.user_memory={ROOM_FOR * 256} MB", "containers.prewarm=false", *settings) as node:
        for number in range(ALTERNATING):
            node.deploy(f"turn{number}", backends.ECHO["python:3"])
        for _ in range(rounds):
            for number in range(ALTERNATING):
                one = asyncio.run(measure(node.address, call(f"turn{number}"), 1, 1, fine))
                sample.times += one.times
                sample.failures += one.failures
    return backends.figures(sample)


def alternating_by_hand(host: str, rounds: int) -> dict[str, Any]:
    """The engine's part of the same: `docker rm -f` of the oldest of 4 containers and `docker run -d` of the next."""
    sample, kept = Sample(), deque[str]()
    try:
        for number in range(ROOM_FOR + ALTERNATING * rounds):
            begun = time.perf_counter()
            if len(kept) == ROOM_FOR:
                backends.docker(host, "rm", "-f", kept.popleft())
            made = backends.docker(host, "run", "-d", "--memory", "256m", backends.IMAGE)
            if made is None:
                sample.failures.append("docker run failed")
                break
            kept.append(made)
            if number >= ROOM_FOR:
                sample.times.append(time.perf_counter() - begun)
    finally:
        if kept:
            backends.docker(host, "rm", "-f", *kept)
    return backends.figures(sample)


async def one_by_one(way: backends.Way, kind: str, count: int) -> dict[str, Any]:
    """Creation until it listens, and until the first answer; the first answer of one that was made ahead."""
    listening, answered, prewarmed = Sample(), Sample(), Sample()
    async with backends.started(way) as factory:
        for _ in range(count):
            begun = time.perf_counter()
            container = await factory.create(backends.spec(kind))
            listening.times.append(time.perf_counter() - begun)
            await backends.initialised(container, kind)
            answered.times.append(time.perf_counter() - begun)
            await container.destroy()
            container = await factory.create(backends.spec(kind))
            await container.rehearse()
            await asyncio.sleep(0.05)
            begun = time.perf_counter()
            await backends.initialised(container, kind)
            prewarmed.times.append(time.perf_counter() - begun)
            await container.destroy()
    samples = {"listening": listening, "first_answer": answered, "first_answer_of_a_prewarmed_one": prewarmed}
    return {name: backends.figures(sample) for name, sample in samples.items()}


async def in_turns(host: str, count: int) -> tuple[Sample, Sample]:
    """Ours until it listens and the engine's create and start, one after the other, on the same machine."""
    ours, alone = Sample(), Sample()
    (way,) = (way for way in backends.ways(host) if way.name == "docker")
    async with backends.started(way) as factory:
        for _ in range(count):
            begun = time.perf_counter()
            container = await factory.create(backends.spec())
            ours.times.append(time.perf_counter() - begun)
            await container.destroy()
            alone.times += (await asyncio.to_thread(backends.engine_alone, host, 1)).times
    return ours, alone


def cold(calls: int) -> dict[str, Any]:
    """All of it."""
    count = max(10, min(40, calls // 50))
    host = backends.docker_host()
    found: dict[str, Any] = {"bare_process": backends.figures(Sample([backends.bare_process() for _ in range(count)]))}
    for way in backends.ways(host):
        for kind in way.kinds:
            some = count if way.name != "docker" else count // 2
            found[f"{way.name} {kind}"] = asyncio.run(one_by_one(way, kind, some))
        found[f"{way.name}{OVERDUE}"] = asyncio.run(overdue(way, 10))
    found["node, zygote"] = backends.figures(through_node(count))
    found["node, prewarmed"] = prewarmed(count)
    found["node, bubblewrap"] = backends.figures(through_node(count, "sandbox.zygote=false"))
    found[f"node, {ALTERNATING} actions, room for {ROOM_FOR}"] = alternating(max(2, count // 10))
    bare = found["bare_process"]["p50"]
    found["zygote_share_of_bare_process"] = round(found["zygote python:3"]["listening"]["p50"] / bare, 2)
    if host is not None:
        settings = ("containers.backend=docker", f"docker.host={host}")
        found[f"node, docker, {ALTERNATING} actions, room for {ROOM_FOR}"] = alternating(2, *settings)
        found[f"docker rm and run by hand, {ROOM_FOR} at a time"] = alternating_by_hand(host, 2)
        ours, alone = asyncio.run(in_turns(host, count))
        found["docker, in turns with the engine alone"] = backends.figures(ours)
        found["docker, engine alone"] = backends.figures(alone)
        found["docker run by hand"] = backends.figures(backends.by_hand(host, count // 2))
        share = ours.percentile(0.5) / alone.percentile(0.5)
        found["docker_share_of_engine_alone"] = round(share, 2)
    found["targets"] = targets(found)
    return found


def targets(found: dict[str, Any]) -> dict[str, Any]:
    """What was to be reached, and whether it was."""
    told = {"zygote python listening p50": backends.against(found["zygote python:3"]["listening"]["p50"], 25)}
    for name, figures in found.items():
        if name.endswith("python:3"):
            p50 = figures["first_answer_of_a_prewarmed_one"]["p50"]
            told[f"{name}, first answer of a prewarmed one p50"] = backends.against(p50, 5)
        if name.endswith(OVERDUE):
            told[f"{name} p99"] = backends.against(figures["p99"], 100)
    told["node, first call that meets a prewarmed container p50"] = backends.against(
        found["node, prewarmed"]["first_call"]["p50"], 5
    )
    if "docker_share_of_engine_alone" in found:
        told["docker, share of the engine alone"] = backends.against(found["docker_share_of_engine_alone"], 1.15)
    return told
