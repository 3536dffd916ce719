"""Lines of running activations, for who follows them."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from owactors.container.livelogs import LIVE, MOST_AT_ONCE, MOST_WAITING, LineFollower
from owactors.container.log_collector import MARK, STDERR, STDOUT, LogCollector
from owactors.container.port import ContainerFactory
from tests.container.backends import PATIENCE, Backend, run_body, scenario, started


def begun(
    activation_id: str, namespace: str = "guest", action: str = "/guest/hello", limit: int = 1000
) -> LogCollector:
    """A container in which this activation runs."""
    collector = LogCollector()
    collector.begin(limit, activation_id, False, namespace, action)
    return collector


def texts(follower: LineFollower) -> list[tuple[str, str, str]]:
    """Id, action and text of the lines that have come."""
    found = asyncio.run(follower.next())
    return [(subject.activation_id, subject.name, text[31:]) for subject, text in found]


def test_lines_come_while_it_runs_and_first_those_that_came_before() -> None:
    collector = begun("a")
    collector.receive(STDOUT, b"one\n")
    follower = LIVE.follow("guest", None)
    collector.receive(STDERR, b"two\npart")
    collector.receive(STDERR, b"ly\n")
    assert texts(follower) == [
        ("a", "hello", "stdout: one"),
        ("a", "hello", "stderr: two"),
        ("a", "hello", "stderr: partly"),
    ]
    LIVE.leave(follower)
    collector.receive(STDOUT, b"three\n")
    assert not follower._lines


def test_only_what_is_wanted() -> None:
    of_all, of_one = LIVE.follow("guest", None), LIVE.follow("guest", "pkg/b")
    for activation_id, namespace, action in (
        ("1", "guest", "/guest/a"),
        ("2", "guest", "/system/pkg/b"),
        ("3", "alice", "/guest/a"),
    ):
        begun(activation_id, namespace, action).receive(STDOUT, b"hi\n")
    assert [found[:2] for found in texts(of_all)] == [("1", "a"), ("2", "pkg/b")]
    assert [found[:2] for found in texts(of_one)] == [("2", "pkg/b")]
    for follower in (of_all, of_one):
        LIVE.leave(follower)


def test_neither_what_is_over_nor_what_no_record_will_have() -> None:
    over, long = begun("over"), begun("long", limit=8)
    for stream in (STDOUT, STDERR):
        over.receive(stream, b"done\n" + MARK + b"\n")
    follower = LIVE.follow("guest", None)
    long.receive(STDOUT, b"short\nand too long\n")
    assert texts(follower) == [("long", "hello", "stdout: short")]
    LIVE.leave(follower)


def test_a_flood_is_taken_in_portions_and_bounded() -> None:
    collector = begun("a", limit=10**7)
    follower = LIVE.follow("guest", None)
    collector.receive(STDOUT, b"x\n" * (MOST_WAITING + 5))
    portions = [len(texts(follower)) for _ in range(MOST_WAITING // MOST_AT_ONCE)]
    assert portions == [MOST_AT_ONCE] * (MOST_WAITING // MOST_AT_ONCE)
    assert texts(follower) == [("a", "hello", "stderr: 5 lines are left out here, the record has all.")]
    assert not follower._lines
    LIVE.leave(follower)


def test_a_container_that_is_gone_is_forgotten() -> None:
    collector = begun("a")
    assert collector in set(LIVE._sources)
    del collector
    gc.collect()
    follower = LIVE.follow("guest", None)
    LIVE.leave(follower)
    assert not follower._lines


def test_every_back_end_tells_its_lines(backend: Backend, folder: Path) -> None:
    """Before the activation ends."""

    async def play(factory: ContainerFactory) -> None:
        code = "import time\ndef main(args):\n    print('begun')\n    time.sleep(args['s'])\n"
        container = await started(factory, backend, code)
        follower = LIVE.follow("guest", "hello")
        run = asyncio.ensure_future(container.run(run_body({"s": 600 if backend.real else 3}), 600))
        [(subject, text)] = await asyncio.wait_for(follower.next(), PATIENCE)
        assert (subject.activation_id, text[31:]) == ("a" * 32, "stdout: begun")
        assert not run.done()
        LIVE.leave(follower)
        await container.destroy()
        await run

    scenario(backend, folder, play)
