"""What every back end must do, whatever it is made of."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from owactors.container.port import ContainerError, ContainerFactory, WhiskContainerStartupError
from owactors.core.reply import ConnectionFailed, ContainerReply, NoResponseReceived, RunTimeout
from tests.container.backends import (
    ECHO,
    HELLO,
    PATIENCE,
    Backend,
    body_of,
    init_body,
    run_body,
    scenario,
    started,
    texts,
)
from tests.container.conftest import EVERY, ON_PODMAN

also_podman = pytest.mark.parametrize("backend", [*EVERY, ON_PODMAN], indirect=True)
"""What another engine has a part in; the others hold the action proxies to theirs."""


@also_podman
def test_init_and_run(backend: Backend, folder: Path) -> None:
    """A function gets its arguments and its answer comes back."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec())
        init = await container.initialize(init_body(ECHO), PATIENCE)
        assert body_of(init).status == 200
        run = await container.run(run_body({"text": "grüße ✓ 𝄞"}), PATIENCE)
        assert json.loads(body_of(run).body) == {"text": "grüße ✓ 𝄞"}
        assert 0 < init.interval.start <= init.interval.end <= run.interval.start <= run.interval.end

    scenario(backend, folder, play)


def test_a_rehearsal_leaves_no_trace(backend: Backend, folder: Path) -> None:
    """Neither in the answers nor in the logs."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec())
        await container.rehearse()
        assert body_of(await container.initialize(init_body(HELLO), PATIENCE)).status == 200
        assert body_of(await container.run(run_body({"name": "Ada"}), PATIENCE)).status == 200
        assert len((await container.logs(10_000, True)).lines) == 1

    scenario(backend, folder, play)


@also_podman
def test_ids_and_addresses_differ(backend: Backend, folder: Path) -> None:
    """No two containers share anything by which they could be confused."""

    async def play(factory: ContainerFactory) -> None:
        first, second = [await factory.create(backend.spec()) for _ in range(2)]
        assert first.id != second.id
        assert first.address != second.address
        assert await first.ping()
        assert await second.ping()

    scenario(backend, folder, play)


@also_podman
def test_says_what_its_start_took(backend: Backend, folder: Path) -> None:
    """In parts, for the node's figures."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec())
        assert (container.backend, container.kind) == (factory.backend, "python:3")
        assert factory.backend == backend.name.partition("-")[0]
        if backend.real:
            assert [name for name in container.phases if name != "queue"] == ["create", "start", "ready"]
        assert all(seconds >= 0 for seconds in container.phases.values())

    scenario(backend, folder, play)


@also_podman
@pytest.mark.scenario("DK-14")
def test_logs_of_one_run(backend: Backend, folder: Path) -> None:
    """Lines carry time and stream; the end marks are gone."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, HELLO)
        await container.run(run_body({"name": "Ada"}), PATIENCE)
        logs = await container.logs(10_000, True)
        assert logs.state == "complete"
        assert texts(logs.lines) == ["stdout: hello Ada"]
        assert logs.lines[0][:30].strip().endswith("Z")

    scenario(backend, folder, play)


def test_logs_at_hand(backend: Backend, folder: Path) -> None:
    """What has come up to its end marks needs no waiting, and is there once; what has not is waited for."""
    run_id = "a" * 32

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, HELLO)
        assert container.logs_at_hand(10_000, run_id) is None
        await container.run(run_body({"name": "Ada"}, activation_id=run_id), PATIENCE)
        logs = container.logs_at_hand(10_000, run_id) or await container.logs(10_000, True, run_id)
        assert (logs.state, texts(logs.lines)) == ("complete", ["stdout: hello Ada"])
        assert container.logs_at_hand(10_000, run_id) is None

    scenario(backend, folder, play)


@also_podman
@pytest.mark.scenario("DK-17")
def test_logs_do_not_mix(backend: Backend, folder: Path) -> None:
    """Each run has its own lines, whenever they are collected."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, HELLO)
        for name in ("a", "b", "c"):
            await container.run(run_body({"name": name}), PATIENCE)
        seen = [texts((await container.logs(10_000, True)).lines) for _ in range(3)]
        assert seen == [["stdout: hello a"], ["stdout: hello b"], ["stdout: hello c"]]

    scenario(backend, folder, play)


@also_podman
@pytest.mark.scenario("DK-19")
def test_logs_over_the_limit(backend: Backend, folder: Path) -> None:
    """What is too much is dropped and the last line says so; the next run is whole again."""

    async def play(factory: ContainerFactory) -> None:
        code = "def main(args):\n    for i in range(args['n']):\n        print('x' * 99)\n    return {}\n"
        container = await started(factory, backend, code)
        await container.run(run_body({"n": 50}), PATIENCE, log_limit=1000)
        logs = await container.logs(1000, True)
        assert logs.state == "truncated"
        assert len(logs.lines) == 11
        assert "Logs were truncated" in logs.lines[-1]
        await container.run(run_body({"n": 2}), PATIENCE, log_limit=1000)
        assert len((await container.logs(1000, True)).lines) == 2

    scenario(backend, folder, play)


def test_run_without_logs(backend: Backend, folder: Path) -> None:
    """With a limit of 0 nothing is kept, and nothing of it gets into the next run's log."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, HELLO)
        await container.run(run_body({"name": "nobody"}), PATIENCE, log_limit=0)
        await container.run(run_body({"name": "Ada"}), PATIENCE)
        assert texts((await container.logs(10_000, True)).lines) == ["stdout: hello Ada"]

    scenario(backend, folder, play)


@also_podman
def test_failed_init_has_an_answer_and_logs(backend: Backend, folder: Path) -> None:
    """Code that does not compile is answered with its error, and the trace is in the log."""

    async def play(factory: ContainerFactory) -> None:
        container = await factory.create(backend.spec())
        reply = body_of(await container.initialize(init_body("def main(:"), PATIENCE))
        assert reply.status == 502
        assert "Cannot start action" in json.loads(reply.body)["error"]
        logs = await container.logs(10_000, False)
        assert any("SyntaxError" in line for line in logs.lines)

    scenario(backend, folder, play)


def test_second_init_is_refused(backend: Backend, folder: Path) -> None:
    """A container belongs to one action for ever."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        assert body_of(await container.initialize(init_body(ECHO), PATIENCE)).status == 403

    scenario(backend, folder, play)


def test_exception_is_an_answer(backend: Backend, folder: Path) -> None:
    """An exception becomes the `error` of a 200, as in OpenWhisk's Python runtime; its trace is in the log."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "def main(args):\n    raise ValueError('no such thing')\n")
        reply = body_of(await container.run(run_body(), PATIENCE))
        assert (reply.status, json.loads(reply.body)) == (200, {"error": "no such thing"})
        lines = texts((await container.logs(10_000, True)).lines)
        assert lines[-1] == "stderr: ValueError: no such thing"

    scenario(backend, folder, play)


@pytest.mark.parametrize("result", ["None", "7", "'text'", "{'x': {1}}", "{'x': float('nan')}"])
def test_result_that_is_no_dictionary(backend: Backend, folder: Path, result: str) -> None:
    """Only objects and arrays are results."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, f"def main(args):\n    return {result}\n")
        reply = body_of(await container.run(run_body(), PATIENCE))
        assert reply.status == 502
        assert "did not return a dictionary or array" in json.loads(reply.body)["error"]

    scenario(backend, folder, play)


@also_podman
@pytest.mark.scenario("HC-01")
def test_timeout(backend: Backend, folder: Path) -> None:
    """A function that does not return in time is a timeout of at least that length; it can be destroyed."""

    async def play(factory: ContainerFactory) -> None:
        code = "import time\ndef main(args):\n    print('begun')\n    time.sleep(args['s'])\n    return {}\n"
        container = await started(factory, backend, code)
        result = await container.run(run_body({"s": 2 if not backend.real else 600}), 0.5)
        assert result.outcome == RunTimeout(0.5)
        assert result.interval.duration >= 500
        assert texts((await container.logs(10_000, False)).lines) == ["stdout: begun"]

    scenario(backend, folder, play)


@pytest.mark.scenario("HC-06")
def test_truncated_answer(backend: Backend, folder: Path) -> None:
    """Of an answer over the limit the first part is kept, and the container can be used again."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "def main(args):\n    return {'x': 'y' * args['n']}\n")
        reply = body_of(await container.run(run_body({"n": 5000}), PATIENCE, response_limit=1000, truncation_limit=10))
        assert reply.truncated
        assert (reply.length, reply.limit, reply.body) == (5009, 1000, b'{"x": "yyy')
        assert not body_of(await container.run(run_body({"n": 5}), PATIENCE)).truncated

    scenario(backend, folder, play)


@also_podman
def test_one_megabyte_both_ways(backend: Backend, folder: Path) -> None:
    """Arguments and results of the full size."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        text = "é" * 500_000
        reply = body_of(await container.run(run_body({"t": text}), PATIENCE))
        assert json.loads(reply.body) == {"t": text}

    scenario(backend, folder, play)


@also_podman
def test_pause_and_resume(backend: Backend, folder: Path) -> None:
    """A paused container answers again after it was resumed, and is the same one."""

    async def play(factory: ContainerFactory) -> None:
        code = "n = 0\ndef main(args):\n    global n\n    n += 1\n    return {'n': n}\n"
        container = await started(factory, backend, code)
        for expected in (1, 2, 3):
            await container.suspend()
            await container.resume()
            assert json.loads(body_of(await container.run(run_body(), PATIENCE)).body) == {"n": expected}

    scenario(backend, folder, play)


@also_podman
def test_a_paused_container_does_not_run(backend: Backend, folder: Path) -> None:
    """Nothing happens in it, and it can be destroyed as it is."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        await container.suspend()
        assert (await container.run(run_body(), 0.2)).outcome == RunTimeout(0.2)
        await container.destroy()

    scenario(backend, folder, play)


@also_podman
def test_destroyed_container(backend: Backend, folder: Path) -> None:
    """It cannot be used, and destroying it again is nothing."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, ECHO)
        await container.destroy()
        await container.destroy()
        assert not await container.ping()
        outcome = (await container.run(run_body(), 1)).outcome
        assert isinstance(outcome, ConnectionFailed), outcome

    scenario(backend, folder, play)


@also_podman
def test_destroy_ends_a_run(backend: Backend, folder: Path) -> None:
    """Whoever waits for an answer gets one."""

    async def play(factory: ContainerFactory) -> None:
        code = "import time\ndef main(args):\n    time.sleep(args['s'])\n"
        container = await started(factory, backend, code)
        run = asyncio.ensure_future(container.run(run_body({"s": 2 if not backend.real else 600}), PATIENCE))
        await asyncio.sleep(0.1)
        await container.destroy()
        assert isinstance((await run).outcome, NoResponseReceived)

    scenario(backend, folder, play)


@also_podman
def test_environment(backend: Backend, folder: Path) -> None:
    """Values of /init and of /run arrive; nothing of the node's own environment does."""
    if not backend.real:
        pytest.skip("the memory back end shares the node's environment")

    async def play(factory: ContainerFactory) -> dict[str, str]:
        code = "import os\ndef main(args):\n    return dict(os.environ)\n"
        container = await started(factory, backend, code, env={"COLOUR": "green", "LIST": [1, 2]})
        return json.loads(body_of(await container.run(run_body(api_key="k"), PATIENCE)).body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_SECRET", "hidden")
        seen = scenario(backend, folder, play)
    assert seen["COLOUR"] == "green"
    assert json.loads(seen["LIST"]) == [1, 2]
    assert seen["__OW_NAMESPACE"] == "guest"
    assert seen["__OW_API_KEY"] == "k"
    assert "NODE_SECRET" not in seen


@also_podman
def test_unknown_kind(backend: Backend, folder: Path) -> None:
    """The message names the kind."""

    async def play(factory: ContainerFactory) -> None:
        with pytest.raises(WhiskContainerStartupError, match="cobol"):
            await factory.create(backend.spec("cobol:1"))

    scenario(backend, folder, play)


@also_podman
def test_many_at_once(backend: Backend, folder: Path) -> None:
    """Containers made and used at the same time do not get in each other's way."""

    async def play(factory: ContainerFactory) -> None:
        async def one(number: int) -> int:
            container = await started(factory, backend, ECHO)
            reply = body_of(await container.run(run_body({"n": number}), PATIENCE))
            await container.destroy()
            return int(json.loads(reply.body)["n"])

        assert await asyncio.gather(*(one(n) for n in range(6))) == list(range(6))

    scenario(backend, folder, play)


@also_podman
def test_closed_factory(backend: Backend, folder: Path) -> None:
    """It makes nothing any more, and its containers are gone."""

    async def act() -> None:
        factory = backend.make(folder)
        await factory.start()
        container = await started(factory, backend, ECHO)
        await factory.close()
        assert not await container.ping()
        with pytest.raises(WhiskContainerStartupError):
            await factory.create(backend.spec())

    asyncio.run(act())


@also_podman
def test_dead_container_is_noticed(backend: Backend, folder: Path) -> None:
    """A function that ends its process leaves a run without an answer, at once."""
    if not backend.real:
        pytest.skip("the memory back end has no process to end")

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "import os\ndef main(args):\n    os._exit(3)\n")
        result = await container.run(run_body(), PATIENCE)
        assert isinstance(result.outcome, NoResponseReceived)
        assert result.interval.duration < PATIENCE * 1000 / 2
        with pytest.raises(ContainerError):
            await container.suspend()
            await container.resume()

    scenario(backend, folder, play)


def test_reply_type(backend: Backend, folder: Path) -> None:
    """An array is a result too."""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, backend, "def main(args):\n    return [1, args]\n")
        outcome = (await container.run(run_body([2]), PATIENCE)).outcome
        assert isinstance(outcome, ContainerReply)
        assert json.loads(outcome.body) == [1, [2]]

    scenario(backend, folder, play)
