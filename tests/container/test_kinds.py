"""Every packaged kind in every sandbox, with what is particular to it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from owactors.container.port import ContainerFactory
from owactors.core.reply import MemoryExhausted, NoResponseReceived
from owactors.runtime import find_launcher
from tests.container.backends import PATIENCE, Backend, body_of, init_body, run_body, scenario, started, texts

HELLO = {
    "python:3": "import sys\ndef main(a):\n    print('out')\n    print('err', file=sys.stderr)\n    return a\n",
    "nodejs:20": "function main(a) { console.log('out'); console.error('err'); return a }",
    "native:1": "echo out; echo err >&2; cat; echo",
}
needs_node = pytest.mark.skipif(find_launcher("nodejs:20") is None, reason="node 20 is not installed")


@pytest.mark.parametrize("kind", ["python:3", pytest.param("nodejs:20", marks=needs_node), "native:1"])
def test_hello(sandbox_backend: Backend, folder: Path, kind: str) -> None:
    """Init, run, both streams, pause, and again."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, sandbox_backend, HELLO[kind], kind=kind)
        for number in range(2):
            reply = body_of(await container.run(run_body({"n": number}), PATIENCE))
            assert json.loads(reply.body) == {"n": number}
            logs = await container.logs(10_000, True)
            assert sorted(texts(logs.lines)) == ["stderr: err", "stdout: out"]
            await container.suspend()
            await container.resume()

    scenario(sandbox_backend, folder, play)


@needs_node
def test_node_rehearses(sandbox_backend: Backend, folder: Path) -> None:
    """It loads what it will need, and is still without an action."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(sandbox_backend.spec("nodejs:20"))
        await container.rehearse()
        assert body_of(await container.initialize(init_body(HELLO["nodejs:20"]), PATIENCE)).status == 200
        assert json.loads(body_of(await container.run(run_body({"n": 1}), PATIENCE)).body) == {"n": 1}
        assert sorted(texts((await container.logs(10_000, True)).lines)) == ["stderr: err", "stdout: out"]

    scenario(sandbox_backend, folder, play)


@needs_node
def test_runs_overlap_in_node(sandbox_backend: Backend, folder: Path) -> None:
    """As many at once as the action allows."""

    async def play(factory: ContainerFactory) -> None:
        code = """
let now = 0
let most = 0
const main = a => new Promise(done => {
  most = Math.max(most, ++now)
  setTimeout(() => { now--; done({n: a.n, most}) }, 300)
})
"""
        container = await started(factory, sandbox_backend, code, kind="nodejs:20")
        runs = [container.run(run_body({"n": n}), PATIENCE, max_concurrent=8, log_limit=0) for n in range(8)]
        replies = [json.loads(body_of(result).body) for result in await asyncio.gather(*runs)]
        assert [reply["n"] for reply in replies] == list(range(8))
        assert max(reply["most"] for reply in replies) > 1

    scenario(sandbox_backend, folder, play)


@needs_node
def test_node_floods_its_output(sandbox_backend: Backend, folder: Path) -> None:
    """10 MB in one run: the answer comes, the log is cut at the limit."""

    async def play(factory: ContainerFactory) -> None:
        code = "function main() { for (let n = 0; n < 10000; n++) console.log('x'.repeat(1023)); return {} }"
        container = await started(factory, sandbox_backend, code, kind="nodejs:20")
        assert body_of(await container.run(run_body(), PATIENCE, log_limit=100_000)).status == 200
        logs = await container.logs(100_000, True)
        assert (logs.state, len(logs.lines)) == ("truncated", 98)

    scenario(sandbox_backend, folder, play)


@needs_node
def test_node_runs_out_of_memory(sandbox_backend: Backend, folder: Path) -> None:
    """Ended by the kernel where it may limit memory, else by its own heap limit."""

    async def play(factory: ContainerFactory) -> None:
        code = "const kept = []; function main() { for (;;) kept.push(new Array(100000).fill(1.5)) }"
        container = await factory.create(sandbox_backend.spec("nodejs:20", memory=128 * 2**20))
        await container.initialize(init_body(code), PATIENCE)
        outcome = (await container.run(run_body(), PATIENCE)).outcome
        assert isinstance(outcome, MemoryExhausted | NoResponseReceived), outcome

    scenario(sandbox_backend, folder, play)
