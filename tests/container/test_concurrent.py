"""Several activations in one container at the same time, each with its own log."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from owactors.container.log_collector import MARK, SHARED, STDERR, STDOUT, LogCollector
from owactors.container.port import Container, ContainerFactory
from owactors.runtime import find_launcher
from tests.container.backends import PATIENCE, Backend, body_of, init_body, run_body, scenario, texts

AT_ONCE = 5
CODE = {
    "python:3": """
import sys, time
def main(args):
    for i in range(4):
        print(args['n'], 'line', i)
        sys.stdout.write('half ')
        time.sleep(0.03)
        print('whole', args['n'])
    print('to stderr', args['n'], file=sys.stderr)
    sys.stdout.write('no end')
    return {'n': args['n']}
""",
    "nodejs:20": """
const wait = ms => new Promise(done => setTimeout(done, ms))
async function main (args) {
  for (let i = 0; i < 4; i++) {
    console.log(args.n, 'line', i)
    process.stdout.write('half ')
    await wait(30)
    console.log('whole', args.n)
  }
  console.error('to stderr', args.n)
  process.stdout.write('no end')
  return { n: args.n }
}
""",
}
needs_node = pytest.mark.skipif(find_launcher("nodejs:20") is None, reason="node 20 is not installed")


def id_of(number: int) -> str:
    """An activation id."""
    return f"{number:032x}"


async def concurrent(factory: ContainerFactory, backend: Backend, kind: str, code: str) -> Container:
    """A container whose action allows several calls."""
    container = await factory.create(backend.spec(kind))
    reply = body_of(await container.initialize(init_body(code), PATIENCE, AT_ONCE))
    assert reply.status == 200, reply
    return container


async def call(container: Container, number: int, **arguments: Any) -> tuple[Any, list[str], str]:
    """Result, log and its state."""
    body = run_body({"n": number, **arguments}, activation_id=id_of(number))
    reply = body_of(await container.run(body, PATIENCE, AT_ONCE))
    logs = await container.logs(100_000, True, id_of(number))
    return json.loads(reply.body), texts(logs.lines), logs.state


@pytest.mark.parametrize("kind", ["python:3", pytest.param("nodejs:20", marks=needs_node)])
def test_each_line_is_attributed(real_backend: Backend, folder: Path, kind: str) -> None:
    """Also lines written in parts, on both streams, and a last one without end."""
    if kind not in real_backend.kinds:
        pytest.skip("no image of it here")

    async def play(factory: ContainerFactory) -> None:
        container = await concurrent(factory, real_backend, kind, CODE[kind])
        for start in (0, AT_ONCE):
            found = await asyncio.gather(*(call(container, n) for n in range(start, start + AT_ONCE)))
            for n, (result, lines, state) in enumerate(found, start):
                assert (result, state) == ({"n": n}, "complete")
                wanted = [text for i in range(4) for text in (f"stdout: {n} line {i}", f"stdout: half whole {n}")]
                assert sorted(lines) == sorted([*wanted, f"stderr: to stderr {n}", "stdout: no end"])
                assert [line for line in lines if line in wanted] == wanted

    scenario(real_backend, folder, play)


def test_python_runs_overlap(real_backend: Backend, folder: Path) -> None:
    """Each call has a thread of its own where the action allows several."""
    code = """
import threading
both = threading.Barrier(2, timeout=20)
def main(args):
    both.wait()
    return {'n': args['n']}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await concurrent(factory, real_backend, "python:3", code)
        found = await asyncio.gather(*(call(container, n) for n in range(2)))
        assert [result for result, _, _ in found] == [{"n": 0}, {"n": 1}]

    scenario(real_backend, folder, play)


def test_lines_of_nobody(real_backend: Backend, folder: Path) -> None:
    """What a program prints that the action started goes to all that run then, and they say so."""
    code = """
import os, threading
both = threading.Barrier(2, timeout=20)
def main(args):
    if args['together']:
        both.wait()
    if args['n'] == 0:
        os.write(1, b'who am I\\n')
    if args['together']:
        both.wait()
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await concurrent(factory, real_backend, "python:3", code)
        for _, lines, _ in await asyncio.gather(*(call(container, n, together=True) for n in range(2))):
            assert lines == ["stdout: who am I", f"stderr: {SHARED}"]
        assert (await call(container, 0, together=False))[1] == ["stdout: who am I"]

    scenario(real_backend, folder, play)


def test_a_runtime_without_tags(real_backend: Backend, folder: Path) -> None:
    """Its output cannot be told apart, but every run ends and has it."""

    async def play(factory: ContainerFactory) -> None:
        container = await concurrent(factory, real_backend, "native:1", "echo to stderr >&2; echo '{\"a\": 1}'")
        for result, lines, state in await asyncio.gather(*(call(container, n) for n in range(3))):
            assert (result, state) == ({"a": 1}, "complete")
            assert "stderr: to stderr" in lines

    scenario(real_backend, folder, play)


def tagged(number: int, text: bytes) -> bytes:
    """A line as the proxies write it."""
    return b"\x1e%s\x1f%s\n" % (id_of(number).encode(), text)


def collected(collector: LogCollector, number: int) -> tuple[list[str], str]:
    """The log of a run."""
    logs = asyncio.run(collector.collect(10_000, True, id_of(number)))
    return texts(logs.lines), logs.state


def two_running() -> LogCollector:
    """Runs 1 and 2 have begun."""
    collector = LogCollector()
    for number in (1, 2):
        collector.begin(10_000, id_of(number), True)
    return collector


def test_tags_are_read_in_any_order() -> None:
    """Ends too: the second run ends before the first."""
    collector = two_running()
    for stream in (STDOUT, STDERR):
        collector.receive(stream, tagged(2, b"b") + tagged(1, b"a") + tagged(2, MARK) + tagged(2, b"too late"))
    assert collected(collector, 2) == (["stdout: b", "stderr: b"], "complete")
    collector.receive(STDOUT, b"half a line" + tagged(1, b"behind it") + tagged(1, MARK))
    collector.receive(STDERR, tagged(1, MARK) + tagged(3, b"of nobody"))
    lines, state = collected(collector, 1)
    assert sorted(lines) == ["stderr: a", "stdout: a", "stdout: behind it", "stdout: half a line"]
    assert state == "complete"


def test_the_end_of_the_container_ends_all() -> None:
    """Each keeps what it had."""
    collector = two_running()
    collector.receive(STDOUT, tagged(2, b"b"))
    for stream in (STDOUT, STDERR):
        collector.end_of_stream(stream)
    assert collected(collector, 1) == ([], "complete")
    assert collected(collector, 2) == (["stdout: b"], "complete")


def test_a_byte_30_in_ordinary_output() -> None:
    """Means nothing where calls do not overlap."""
    collector = LogCollector()
    collector.begin(1000, id_of(1))
    collector.receive(STDOUT, tagged(7, b"text") + MARK + b"\n")
    collector.receive(STDERR, MARK + b"\n")
    assert collected(collector, 1) == ([f"stdout: \x1e{id_of(7)}\x1ftext"], "complete")
