"""A process to be killed: accepts 500 calls, stores records, and says on stdout what was confirmed to it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from owactors.store.sqlite.store import SqliteStore
from tests.contract.store.stores import activation_id, record


def confirm(what: str, number: int) -> None:
    sys.stdout.write(f"{what} {number}\n")
    sys.stdout.flush()


async def call(store: SqliteStore, number: int) -> None:
    """Two of three calls get a record; of those one half is not waited for."""
    await store.activations.accept(activation_id(number), "guest", b"call %d" % number)
    confirm("accepted", number)
    if number % 3 == 0:
        return
    await asyncio.sleep(0)
    if number % 2:
        store.activations.store_soon(record(number))
    else:
        await store.activations.store(record(number))
        confirm("stored", number)


async def main() -> None:
    store = SqliteStore.open(Path(sys.argv[1]))
    for begin in range(0, 500, 16):
        await asyncio.gather(*(call(store, number) for number in range(begin, min(500, begin + 16))))
    confirm("done", 0)
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main())
