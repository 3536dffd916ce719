"""Followers see every record of their namespace and action, once it is kept; slow ones are cut off."""

import asyncio
from typing import Any

from owactors.actor.recordfollowers import MOST_WAITING, RecordFollowers, followed
from owactors.store.memory.store import MemoryStore
from owactors.store.record import entry_of


def record(activation_id: str, name: str = "a", namespace: str = "guest", path: str | None = None) -> dict[str, Any]:
    annotations = [{"key": "path", "value": path}] if path else []
    return {
        "namespace": namespace,
        "activationId": activation_id,
        "name": name,
        "start": 1,
        "annotations": annotations,
        "response": {"statusCode": 0},
    }


def test_all_ways_to_keep_a_record() -> None:
    async def story() -> None:
        followers = RecordFollowers()
        store = followed(MemoryStore(), followers)
        all_of_guest, of_one = followers.follow("guest", None), followers.follow("guest", "pkg/a")
        await store.activations.store(record("1"))
        store.activations.store_soon(record("2", path="guest/pkg/a"))
        await store.activations.store_all([entry_of(record("3", namespace="alice")), entry_of(record("4"))])
        followers.close()
        assert [found["activationId"] async for found in _all(all_of_guest)] == ["1", "2", "4"]
        assert [found["activationId"] async for found in _all(of_one)] == ["2"]
        assert (await store.activations.get("guest", "4"))["name"] == "a"
        assert store.trouble is None

    asyncio.run(story())


async def _all(follower: Any) -> Any:
    while (found := await follower.next()) is not None:
        yield found


def test_who_leaves_is_forgotten() -> None:
    followers = RecordFollowers()
    one, other = followers.follow("guest", None), followers.follow("guest", None)
    one.close()
    assert followers
    other.close()
    other.close()
    assert not followers


def test_who_does_not_keep_up_is_cut_off() -> None:
    async def story() -> None:
        followers = RecordFollowers()
        follower = followers.follow("guest", None)
        followers.kept(entry_of(record(str(number))) for number in range(MOST_WAITING + 1))
        seen = [found["activationId"] async for found in _all(follower)]
        assert seen == [str(number) for number in range(MOST_WAITING)]

    asyncio.run(story())
