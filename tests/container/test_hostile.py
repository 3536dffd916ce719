"""Functions that misbehave, in every back end with processes: each is held, named, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from owactors.container.http_container import CHILD_KILLED
from owactors.container.port import Container, ContainerFactory
from owactors.container.sandbox.container import SandboxContainer
from owactors.container.sandbox.factory import SandboxFactory
from owactors.core.reply import MemoryExhausted, NoResponseReceived, RunResult, RunTimeout
from tests.container.backends import ECHO, PATIENCE, Backend, body_of, init_body, run_body, scenario, started, texts
from tests.container.outer import around_ourselves, around_the_engine


@pytest.fixture(autouse=True)
def outer_limits(request: pytest.FixtureRequest) -> Iterator[None]:
    """For all that these functions do. An engine is started before, for it stays."""
    request.getfixturevalue("shielded_backend" if "shielded_backend" in request.fixturenames else "real_backend")
    with around_ourselves():
        yield


def test_out_of_memory(real_backend: Backend, folder: Path) -> None:
    """A function that takes more than its memory is ended, and the outcome says why."""
    code = """
def main(args):
    print('begun')
    return {'n': len([bytearray(b'x' * 2**20) for _ in range(400)])}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(real_backend.spec(memory=100 * 2**20))
        await container.initialize(init_body(code), PATIENCE)
        result = await container.run(run_body(), PATIENCE)
        assert isinstance(result.outcome, MemoryExhausted)
        assert result.outcome.allowed == 100 * 2**20
        if getattr(factory, "limits_memory", True):
            assert result.outcome.used is not None
            assert 90 * 2**20 < result.outcome.used <= 100 * 2**20
        logs = await container.logs(1000, False)
        assert (texts(logs.lines)[0], logs.state) == ("stdout: begun", "complete")

    scenario(real_backend, folder, play)


def test_only_a_child_runs_out_of_memory(real_backend: Backend, folder: Path) -> None:
    """The answer stands and the log says what happened, once; an answer that failed for it names the memory."""
    code = """
import os
def main(args):
    if args.get('eat'):
        child = os.fork()
        if child == 0:
            with open('/proc/self/oom_score_adj', 'w') as file:
                file.write('1000')
            kept = [bytearray(b'x' * 2**20) for _ in range(400)]
            os._exit(0)
        os.waitpid(child, 0)
    if args.get('fail'):
        raise SystemExit(1)
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        if isinstance(factory, SandboxFactory) and not factory.limits_memory:
            pytest.skip("no control group for memory")
        container = await factory.create(real_backend.spec(memory=100 * 2**20))
        await container.initialize(init_body(code), PATIENCE)
        assert body_of(await container.run(run_body({"eat": 1}), PATIENCE)).status == 200
        [line] = texts((await container.logs(1000, True)).lines)
        assert line.startswith(f"stderr: {CHILD_KILLED} It used ")
        assert line.endswith(" and may use 100 MB.")
        assert body_of(await container.run(run_body({"fail": 1}), PATIENCE)).status == 400
        await container.logs(1000, True)
        outcome = (await container.run(run_body({"eat": 1, "fail": 1}), PATIENCE)).outcome
        assert isinstance(outcome, MemoryExhausted)
        assert outcome.used is not None
        assert 50 * 2**20 < outcome.used <= outcome.allowed == 100 * 2**20

    scenario(real_backend, folder, play)


@pytest.mark.scenario("DK-30")
@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9 (KILL)"),
        ("ctypes.string_at(0)", "signal 11 (SEGV)"),
    ],
)
def test_how_the_process_ended(real_backend: Backend, folder: Path, end: str, words: str) -> None:
    """Exit code or signal are in the log, after what the action said last."""
    if real_backend.name == "docker" and "KILL" in words:
        pytest.skip("process 1 of a container cannot kill itself from within")
    code = f"import ctypes, os, signal\ndef main(args):\n    print('last words')\n    {end}\n"

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        outcome = (await container.run(run_body(), PATIENCE)).outcome
        assert isinstance(outcome, NoResponseReceived)
        assert outcome.ending == words
        lines = texts((await container.logs(1000, False)).lines)
        assert lines == ["stdout: last words", f"stderr: The process of the action ended with {words}."]

    scenario(real_backend, folder, play)


def test_over_its_time(real_backend: Backend, folder: Path) -> None:
    """It is killed at once, before anybody asks for its removal, also if it ignores being asked."""
    code = """
import os, signal, time
def main(args):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    print('begun')
    time.sleep(600)
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        assert (await container.run(run_body(), 1)).outcome == RunTimeout(1)
        deadline = time.monotonic() + PATIENCE
        while await container.ping():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert set(texts((await container.logs(1000, False)).lines)) == {"stdout: begun"}

    scenario(real_backend, folder, play)


@pytest.mark.parametrize("kind", ["python:3", "nodejs:20"])
def test_a_last_line_that_has_no_end(real_backend: Backend, folder: Path, kind: str) -> None:
    """It is in the log of its run, also if the process ends there; the next run's first line begins anew."""
    code = {
        "python:3": """
import os, sys
def main(args):
    print('whole', flush=True)
    os.write(1, b'part'); os.write(2, b'of it')
    if args.get('exit'):
        os._exit(3)
    return {}
""",
        "nodejs:20": """
const fs = require('fs')
function main(args) {
    fs.writeSync(1, 'whole\\npart'); fs.writeSync(2, 'of it')
    if (args.exit) process.exit(3)
    return {}
}
""",
    }[kind]
    said = ["stderr: of it", "stdout: part", "stdout: whole"]

    async def play(factory: ContainerFactory) -> None:
        if kind not in real_backend.kinds:
            pytest.skip(f"no image of {kind}")
        container = await started(factory, real_backend, code, kind=kind)
        for _ in range(2):
            assert body_of(await container.run(run_body(), PATIENCE)).status == 200
            logs = await container.logs(1000, True)
            assert (sorted(texts(logs.lines)), logs.state) == (said, "complete")
        assert isinstance((await container.run(run_body({"exit": 1}), PATIENCE)).outcome, NoResponseReceived)
        logs = await container.logs(1000, False)
        ended = "stderr: The process of the action ended with exit code 3."
        assert (sorted(texts(logs.lines)), logs.state) == (sorted([*said, ended]), "complete")

    scenario(real_backend, folder, play)


def test_ten_megabytes_of_output(real_backend: Backend, folder: Path) -> None:
    """Within a run the limit holds and the run ends; between runs nobody reads and nothing blocks."""
    code = """
import sys, threading
def flood():
    for _ in range(100):
        sys.stdout.write(('x' * 1023 + '\\n') * 100)
def main(args):
    if args.get('later'):
        thread = threading.Timer(0.02, flood)
        thread.start()
        main.thread = thread
    elif args.get('join'):
        main.thread.join()
    else:
        flood()
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        await container.run(run_body(), PATIENCE, log_limit=2**20)
        logs = await container.logs(2**20, True)
        assert logs.state == "truncated"
        assert sum(len(line) - 39 for line in logs.lines[:-1]) <= 2**20
        await container.run(run_body({"later": 1}), PATIENCE)
        await container.logs(2**20, True)
        await asyncio.sleep(0.4)
        assert body_of(await container.run(run_body({"join": 1}), PATIENCE)).status == 200

    scenario(real_backend, folder, play)


def test_closed_standard_streams(real_backend: Backend, folder: Path) -> None:
    """A function that closes its output loses that output, not its answer and not the next run."""
    code = """
import os, sys
def main(args):
    if args.get('close'):
        sys.stdout.close(); os.close(1); os.close(2)
    else:
        print('still here')
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        await container.run(run_body({"close": 1}), PATIENCE)
        assert (await container.logs(1000, True)).state == "complete"
        await container.run(run_body(), PATIENCE)
        assert texts((await container.logs(1000, True)).lines) == ["stdout: still here"]

    scenario(real_backend, folder, play)


def test_forked_child_does_not_answer(real_backend: Backend, folder: Path) -> None:
    """A child that returns from the function must not write a second answer."""
    code = "import os\ndef main(args):\n    return {'child': os.fork() == 0}\n"

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        for _ in range(3):
            reply = body_of(await container.run(run_body(), PATIENCE))
            assert json.loads(reply.body) == {"child": False}

    scenario(real_backend, folder, play)


def test_fork_bomb_hits_the_limit(real_backend: Backend, folder: Path) -> None:
    """With a limit on processes the bomb fizzles inside, and destroying it takes everything along."""
    code = """
import os, time
def main(args):
    made = 0
    try:
        while made < 500:
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
            made += 1
    except OSError as error:
        return {'made': made, 'errno': error.errno}
    return {'made': made}
"""

    async def play(factory: ContainerFactory) -> None:
        if isinstance(factory, SandboxFactory) and not factory.report_of("pids").on:
            pytest.skip("no control group for the number of processes")
        container = await factory.create(real_backend.spec(pids_limit=40))
        await container.initialize(init_body(code), PATIENCE)
        answer = json.loads(body_of(await container.run(run_body(), PATIENCE)).body)
        assert answer["made"] < 40
        await container.destroy()
        assert not await container.ping()

    scenario(real_backend, folder, play)


SECONDS = 2.5
LITTLE = {"docker": 0.01}
"""Seconds that do not count; elsewhere a millisecond. An engine's containers share one group of the scheduler,
which pays for all of them: beside other work of the machine a neighbour waits for that group's turn.
"""
LOUD = {
    "processes that spin": """
import os, time
def main(args):
    for _ in range(20):
        if os.fork() == 0:
            while True:
                pass
    time.sleep(600)
""",
    "a fork bomb": """
import os, time
def main(args):
    while True:
        try:
            if os.fork() == 0:
                time.sleep(0.01)
        except OSError:
            pass
""",
    "memory, again and again": """
def main(args):
    while True:
        kept = bytearray(b'x' * (60 << 20))
        del kept
""",
    "files, again and again": """
def main(args):
    while True:
        with open('filler', 'wb') as file:
            file.write(b'x' * (8 << 20))
""",
    "a flood of log lines": """
def main(args):
    while True:
        print('x' * 1000)
""",
}


@pytest.mark.parametrize("loud", LOUD.values(), ids=LOUD.keys())
def test_neighbours_and_the_node_go_on(shielded_backend: Backend, folder: Path, loud: str) -> None:
    """A neighbour's calls take at most twice as long as without (or a moment), and the bomb ends at its time,
    which is what its record says; nothing of it is left, and the next function starts as if nothing had been.
    """

    async def play(factory: ContainerFactory) -> None:
        if isinstance(factory, SandboxFactory) and not factory.report_of("pids").on:
            pytest.skip("no control group for the number of processes")
        quiet = await started(factory, shielded_backend, ECHO)
        await around_the_engine(quiet)
        for left in range(3, -1, -1):
            bomb = await factory.create(shielded_backend.spec(pids_limit=60, memory=128 << 20))
            await bomb.initialize(init_body(loud), PATIENCE)
            run = asyncio.ensure_future(bomb.run(run_body(), SECONDS, log_limit=1000))
            await asyncio.sleep(0.3)
            alone, beside = await in_turns(quiet, bomb, run)
            assert (await run).outcome == RunTimeout(SECONDS)
            await bomb.destroy()
            assert not await bomb.ping()
            if beside <= max(2 * alone, LITTLE.get(factory.backend, 0.001)):
                break
            assert left, f"{beside * 1000:.2f} ms beside it, {alone * 1000:.2f} ms alone"
        fresh = await started(factory, shielded_backend, ECHO)
        assert body_of(await fresh.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(shielded_backend, folder, play)


async def in_turns(quiet: Container, bomb: Container, run: asyncio.Future[RunResult]) -> tuple[float, float]:
    """Seconds that a call takes while the bomb is frozen, and while it is not, until its time is over: whatever else
    the machine does meets both.
    """
    group = bomb._parts.group if isinstance(bomb, SandboxContainer) else bomb._group  # type: ignore[attr-defined]
    if group is None or "freezer" not in group.folders:
        pytest.skip("nothing here can be frozen for a moment")
    alone: list[float] = []
    beside: list[float] = []
    while not run.done():
        some = await several(quiet)
        while not run.done() and not group.freeze():
            await asyncio.sleep(0.01)
        if not run.done():
            beside += some
            alone += await several(quiet)
        group.thaw()
    return statistics.median(alone or [0.0]), statistics.median(beside or [math.inf])


async def several(quiet: Container) -> list[float]:
    """Seconds that each of some calls takes."""
    times = []
    for number in range(8):
        begun = time.perf_counter()
        assert body_of(await quiet.run(run_body({"n": number}), PATIENCE, log_limit=0)).status == 200
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(0.001)
    return times


def test_no_more_of_the_processors_than_allowed(real_backend: Backend, folder: Path) -> None:
    """A function that spins, in two processes, gets its part of them and not more."""
    code = """
import os, time
def main(args):
    begun, child = time.monotonic(), os.fork()
    while time.monotonic() - begun < 1:
        pass
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    used = os.times()
    return {'seconds': used.user + used.system + used.children_user + used.children_system}
"""

    async def play(factory: ContainerFactory) -> None:
        means = factory._means if isinstance(factory, SandboxFactory) else None
        if means is not None and not means.layout.has("cpu"):
            pytest.skip("no control group for processors")
        container = await factory.create(real_backend.spec(cpu_limit=0.25))
        await container.initialize(init_body(code), PATIENCE)
        answer = json.loads(body_of(await container.run(run_body(), PATIENCE)).body)
        assert answer["seconds"] < 0.6

    scenario(real_backend, folder, play)


def test_shell_action_with_children(real_backend: Backend, folder: Path) -> None:
    """A script is a process per run; what it leaves in the background goes with the container."""

    async def play(factory: ContainerFactory) -> None:
        code = "sleep 600 >/dev/null 2>&1 &\necho working\necho '{\"ok\": true}'\n"
        container = await started(factory, real_backend, code, kind="native:1")
        assert json.loads(body_of(await container.run(run_body(), PATIENCE)).body) == {"ok": True}
        assert texts((await container.logs(10_000, True)).lines) == ["stdout: working"]

    scenario(real_backend, folder, play)
