"""kill -9 while calls are accepted and records stored: what was confirmed is there, and nothing is there twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import activation_id, ids, record

CHECKOUT = Path(__file__).parents[2]


def run_until_killed(folder: Path, after: int) -> dict[str, set[int]]:
    """Kills the process once it has said `after` lines; what it said by then, per word."""
    command = [sys.executable, "-m", "tests.store.killed", str(folder)]
    said: dict[str, set[int]] = {"accepted": set(), "stored": set(), "done": set()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=CHECKOUT, text=True) as process:
        assert process.stdout is not None
        for line_number, line in enumerate(process.stdout, 1):
            word, number = line.split()
            said[word].add(int(number))
            if line_number == after or word == "done":
                process.kill()
    return said


async def what_is_left(folder: Path) -> tuple[list[int], list[int]]:
    """Numbers of the records, and of the unfinished acceptances."""
    store = SqliteStore.open(folder)
    try:
        rows = await store.activations.list("guest")
        unfinished = await store.activations.unfinished()
        return ids(rows), [int(one.activation_id, 16) for one in unfinished]
    finally:
        await store.close()


async def recover(folder: Path) -> None:
    """Ends what was left behind, as a node does at its start."""
    store = SqliteStore.open(folder)
    for left in await store.activations.unfinished():
        number = int(left.activation_id, 16)
        assert left.message == b"call %d" % number
        await store.activations.store(record(number))
    assert await store.activations.unfinished() == ()
    await store.close()


@pytest.mark.parametrize("after", [1, 57, 300, 10_000])
def test_every_accepted_call_has_a_record_or_is_known_as_unfinished(tmp_path: Path, after: int) -> None:
    said = run_until_killed(tmp_path, after)
    records, unfinished = asyncio.run(what_is_left(tmp_path))
    assert said["accepted"] <= set(records) | set(unfinished)
    assert not set(records) & set(unfinished)
    assert said["stored"] <= set(records)
    assert len(records) == len(set(records))
    if after == 10_000:
        assert len(said["accepted"]) == 500
        assert {number for number in range(500) if number % 3 == 0} <= set(unfinished)
    asyncio.run(recover(tmp_path))
    records, unfinished = asyncio.run(what_is_left(tmp_path))
    assert said["accepted"] <= set(records)
    assert unfinished == []
    assert [activation_id(number) for number in records] == sorted(map(activation_id, records), reverse=True)
