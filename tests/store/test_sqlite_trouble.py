"""What goes wrong with the data folder and the disk: one clear sentence each, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from owactors.message.store import NoDocument, StoreUnavailable
from owactors.store.record import entry_of
from owactors.store.sqlite.backlog import Backlog
from owactors.store.sqlite.folder import DATABASE, DataFolder
from owactors.store.sqlite.records import Sequenced
from owactors.store.sqlite.schema import MIGRATIONS, connect, migrate
from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import action, activation_id, ids, record


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


async def until(condition: Any) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def refused(folder: Path) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        SqliteStore.open(folder)
    return caught.value.reason


async def forbid_growth(store: SqliteStore, allow: bool = False) -> None:
    """The file may not grow: SQLite then reports a full disk. With `allow` it may again."""

    def limit(connection: sqlite3.Connection) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {2**30 if allow else pages}")

    await store._writer.call(limit)


# -- opening


def test_folder_is_made_and_kept(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def write() -> None:
        store = SqliteStore.open(tmp_path / "a" / "b")
        await store.entities.put(action("guest/a"))
        store.activations.store_soon(record(1))
        await store.close()

    async def read() -> None:
        store = SqliteStore.open(tmp_path / "a" / "b")
        assert (await store.entities.get("guest/a"))["name"] == "a"
        assert await store.activations.get("guest", activation_id(1)) == record(1)
        await store.activations.store(record(2))
        assert ids(await store.activations.list("guest")) == [2, 1]
        await store.close()

    runner.run(write())
    runner.run(read())


def test_second_opening_in_one_process_is_refused(tmp_path: Path, runner: asyncio.Runner) -> None:
    store = SqliteStore.open(tmp_path)
    assert str(os.getpid()) in refused(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert str(os.getpid()) in refused(tmp_path / "link")
    runner.run(store.close())
    runner.run(SqliteStore.open(tmp_path).close())


def test_second_process_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from owactors.store.sqlite.folder import DataFolder\n"
        "DataFolder.claim(Path(sys.argv[1])); print('claimed', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_checkout()) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        reason = refused(tmp_path)
        assert f"in use by process {other.pid}" in reason
        assert "--data-dir" in reason
        other.communicate(timeout=30)
    DataFolder.claim(tmp_path).release()


def _checkout() -> Path:
    return Path(__file__).parents[2]


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    reason = refused(tmp_path / "file" / "data")
    assert str(tmp_path / "file" / "data") in reason
    assert "--data-dir" in reason


@pytest.mark.parametrize(
    "content", [b"this is not a database, but long enough" * 200, b"SQLite format 3\0" + b"\xff" * 8000]
)
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    reason = refused(tmp_path)
    assert str(tmp_path / DATABASE) in reason
    assert "damaged" in reason
    assert (tmp_path / DATABASE).read_bytes() == content


def test_folder_is_free_again_after_a_failed_opening(tmp_path: Path, runner: asyncio.Runner) -> None:
    (tmp_path / DATABASE).write_bytes(b"x" * 8000)
    refused(tmp_path)
    (tmp_path / DATABASE).unlink()
    runner.run(SqliteStore.open(tmp_path).close())


def test_file_of_a_newer_version(tmp_path: Path, runner: asyncio.Runner) -> None:
    runner.run(SqliteStore.open(tmp_path).close())
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    reason = refused(tmp_path)
    assert "newer owactors" in reason
    assert "99" in reason


def test_migrations_run_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    connection = connect(path)
    steps = ("CREATE TABLE one (a);", "INSERT INTO one VALUES (1);")
    migrate(connection, path, steps[:1])
    migrate(connection, path, steps)
    migrate(connection, path, steps)
    assert connection.execute("SELECT count(*) FROM one").fetchone() == (1,)
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_failed_migration_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    connection = connect(path)
    migrate(connection, path, MIGRATIONS[:1])
    with pytest.raises(sqlite3.Error):
        migrate(connection, path, (MIGRATIONS[0], "CREATE TABLE fine (a); CREATE TABLE broken (;"))
    connection.close()
    connection = connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'fine'").fetchone() == (0,)
    connection.close()


# -- a disk that refuses


def test_full_disk_refuses_with_a_reason_and_heals(tmp_path: Path, runner: asyncio.Runner) -> None:
    large = {"statusCode": 0, "result": {"text": "x" * 100_000}}

    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store.activations.store(record(1))
        await forbid_growth(store)
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await store.activations.store(record(2, response=large))
        with pytest.raises(StoreUnavailable, match="free some space"):
            await store.activations.accept(activation_id(3), "guest", b"x" * 100_000)
        with pytest.raises(StoreUnavailable):
            await store.entities.put(action("guest/a", annotations=[{"key": "a", "value": "x" * 100_000}]))
        assert store.trouble is not None
        assert "disk is full" in store.trouble
        assert ids(await store.activations.list("guest")) == [1]
        with pytest.raises(NoDocument):
            await store.entities.get("guest/a")
        await forbid_growth(store, allow=True)
        await store.activations.store(record(2, response=large))
        assert store.trouble is None
        assert await store.activations.unfinished() == ()
        await store.close()

    runner.run(story())


def test_file_that_became_read_only(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store._writer.call(lambda connection: connection.execute("PRAGMA query_only = ON").close())
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await store.activations.store(record(1))
        assert await store.activations.list("guest") == []
        await store.close()

    runner.run(story())


def test_records_handed_over_wait_for_space(tmp_path: Path, runner: asyncio.Runner) -> None:
    large = {"statusCode": 0, "result": {"text": "x" * 50_000}}

    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store.activations.accept(activation_id(3), "guest", b"m")
        await forbid_growth(store)
        for number in range(1, 6):
            store.activations.store_soon(record(number, response=large))
        await until(lambda: store.trouble is not None)
        assert ids(await store.activations.list("guest")) == [5, 4, 3, 2, 1]
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await store.activations.flush()
        assert await store.activations.unfinished() == ()
        await forbid_growth(store, allow=True)
        await store.activations.flush()
        await store.close()
        store = SqliteStore.open(tmp_path)
        assert ids(await store.activations.list("guest")) == [5, 4, 3, 2, 1]
        await store.close()

    runner.run(story())


def test_small_writes_go_on_while_large_records_wait(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store.activations.store(record(1))
        await forbid_growth(store)
        store.activations.store_soon(record(2, response={"statusCode": 0, "result": {"t": "x" * 500_000}}))
        await until(lambda: store.trouble is not None)
        await store.activations.accept(activation_id(9), "guest", b"small")
        assert len(await store.activations.unfinished()) == 1
        await forbid_growth(store, allow=True)
        await store.close()

    runner.run(story())


def test_closing_gives_up_on_a_full_disk_and_says_what_is_lost(
    tmp_path: Path, runner: asyncio.Runner, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await forbid_growth(store)
        store.activations.store_soon(record(2, response={"statusCode": 0, "result": {"t": "x" * 500_000}}))
        await store.close()

    runner.run(asyncio.wait_for(story(), 30))
    assert "without having written 1 entries" in caplog.text


def test_backlog_has_a_bound() -> None:
    backlog = Backlog(most_records=2, most_bytes=10_000)
    arrived = [Sequenced(n, entry_of(record(n))) for n in range(3)]
    backlog.add(arrived[0])
    backlog.add(arrived[1])
    with pytest.raises(StoreUnavailable, match="2 records"):
        backlog.add(arrived[2])
    backlog.take(arrived[:1])
    backlog.add(arrived[2])
    backlog.take(arrived)
    assert backlog.bytes == 0
    with pytest.raises(StoreUnavailable, match="wait for the disk"):
        backlog.add(Sequenced(4, entry_of(record(4, logs=["x" * 20_000]))))


def test_closed_store_refuses(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store.close()
        for call in (store.activations.store(record(1)), store.entities.get("guest/a")):
            with pytest.raises(StoreUnavailable, match="closed"):
                await call
        with pytest.raises(StoreUnavailable, match="closed"):
            store.activations.store_soon(record(1))

    runner.run(story())


def test_a_defect_in_one_call_spares_the_others(tmp_path: Path, runner: asyncio.Runner) -> None:
    def defect(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM namespace")
        raise RuntimeError("a defect")

    async def story() -> None:
        store = SqliteStore.open(tmp_path)
        await store.activations.store(record(1))
        outcomes = await asyncio.gather(
            store._writer.call(defect),
            store.entities.put(action("guest/a")),
            store.activations.store(record(2)),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], RuntimeError)
        assert outcomes[2] is None
        assert ids(await store.activations.list("guest")) == [2, 1]
        assert (await store.entities.get("guest/a"))["_rev"] == outcomes[1]
        await store.close()

    runner.run(story())


def test_reader_meets_a_damaged_file(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def story(call: Any) -> None:
        store = SqliteStore.open(tmp_path)
        with pytest.raises(StoreUnavailable, match="damaged"):
            await call(store)
        await store.close()

    async def fill() -> None:
        store = SqliteStore.open(tmp_path)
        for number in range(200):
            store.activations.store_soon(record(number))
        await store.close()

    runner.run(fill())
    content = bytearray((tmp_path / DATABASE).read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    (tmp_path / DATABASE).write_bytes(bytes(content))

    def everything(store: SqliteStore) -> Coroutine[Any, Any, Any]:
        return store.activations.list("guest", docs=True)

    try:
        runner.run(story(everything))
    except StoreUnavailable as refusal:
        assert "damaged" in refusal.reason  # noticed at once
