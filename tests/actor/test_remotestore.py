"""A store in another host: silence and return, records that wait, and whose calls are whose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from owactors.actor import remotestore
from owactors.actor.lostcalls import FormerLife, end_lost_calls
from owactors.message.store import NoDocument, StoreAnswer, StoreRefused, StoreRequest, StoreUnavailable
from owactors.message.storecall import CallStore
from owactors.store.memory.store import MemoryStore
from tests.actor.remote_world import FarAway
from tests.actor.test_loadbalancer import MSG
from tests.actor.test_lostcalls import FOR_AN_INVOKER
from tests.contract.store.stores import action, activation_id, record

AWAY = "the documents are in the host of controller one, which does not answer; it works again when that host is back"
Story = Callable[[FarAway], Coroutine[Any, Any, None]]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotestore, "PATIENCE", 1.0)
    monkeypatch.setattr(remotestore, "REPEAT", 0.1)


def play(story: Story) -> None:
    async def run() -> None:
        far = FarAway(MemoryStore())
        try:
            await asyncio.wait_for(story(far), 60)
        finally:
            far.world.close()

    asyncio.run(run())


def cut(far: FarAway) -> None:
    """Nothing reaches the keeper."""
    far.world.passes = lambda message: not isinstance(message, StoreRequest)


def heal(far: FarAway) -> None:
    far.world.passes = lambda message: True


def test_silence_is_told_and_then_everything_is_refused_at_once_until_the_keeper_is_back() -> None:
    async def story(far: FarAway) -> None:
        await far.store.entities.put(action("guest/a"))
        assert far.store.trouble is None
        cut(far)
        with pytest.raises(StoreUnavailable) as silent:
            await far.store.entities.get("guest/a")
        assert silent.value.reason == AWAY
        assert far.store.trouble is not None
        asked = len(far.world.sent(CallStore))
        with pytest.raises(StoreUnavailable, match="controller one"):
            await far.store.subjects.limits("guest")
        with pytest.raises(StoreUnavailable, match="controller one"):
            await far.store.activations.accept(activation_id(1), "guest", b"{}")
        assert not [each for each in far.world.sent(CallStore)[asked:] if each.method == "limits"]
        heal(far)
        await far.world.until(lambda: far.store.trouble is None)
        assert (await far.store.entities.get("guest/a"))["name"] == "a"

    play(story)


def test_records_wait_for_the_keeper_and_are_seen_meanwhile() -> None:
    async def story(far: FarAway) -> None:
        cut(far)
        far.store.activations.store_soon(record(1))
        with pytest.raises(StoreUnavailable, match="controller one"):
            await far.store.activations.store(record(2))
        assert await far.store.activations.get("guest", activation_id(2)) == record(2)
        heal(far)
        await far.world.until(lambda: far.store.trouble is None)
        await far.store.activations.flush()
        assert [await far.kept.activations.get("guest", activation_id(n)) for n in (1, 2)] == [record(1), record(2)]

    play(story)


def test_what_was_refused_since_no_answer_came_is_not_kept_as_accepted() -> None:
    async def story(far: FarAway) -> None:
        far.world.passes = lambda message: not isinstance(message, StoreAnswer)
        with pytest.raises(StoreUnavailable):
            await far.store.activations.accept(activation_id(1), "guest", b"{}")
        assert len(await far.kept.activations.unfinished()) == 1
        heal(far)
        await far.world.until(lambda: far.store.trouble is None)
        await far.store.activations.flush()
        assert await far.kept.activations.unfinished() == ()

    play(story)


def test_a_change_is_asked_for_once_only() -> None:
    async def story(far: FarAway) -> None:
        cut(far)
        with pytest.raises(StoreUnavailable):
            await far.store.entities.put(action("guest/a"))
        assert len([each for each in far.world.sent(CallStore) if each.method == "put"]) == 1

    play(story)


def test_a_refusal_of_the_keeper_is_no_silence() -> None:
    async def story(far: FarAway) -> None:
        with pytest.raises(NoDocument):
            await far.store.entities.get("guest/none")
        assert far.store.trouble is None

    play(story)


def test_only_methods_of_the_port_can_be_called() -> None:
    async def story(far: FarAway) -> None:
        for database, method in (("entities", "__class__"), ("entities", "documents"), ("close", "now")):
            far.world.tell(far.keeper, CallStore(7, database, method))
        await far.world.until(lambda: len(far.world.sent(StoreRefused)) == 3)
        assert "for other hosts" in str(far.world.sent(StoreRefused)[0].error)
        with pytest.raises(AttributeError):
            _ = far.store.subjects.attach  # type: ignore[attr-defined]

    play(story)


def test_each_controller_ends_its_own_calls_and_the_keeper_those_of_one_that_is_gone() -> None:
    async def story(two: FarAway) -> None:
        three = FarAway(two.kept, "three", two.world)
        two_again = FarAway(two.kept, "two", two.world)
        await two.store.activations.accept(MSG.activation_id, MSG.user.namespace.name, FOR_AN_INVOKER)
        await three.store.activations.accept(activation_id(3), "guest", b'{"trigger": {}}')
        await two.kept.activations.accept(activation_id(1), "guest", FOR_AN_INVOKER)
        [own] = await two.store.activations.unfinished()
        assert (own.activation_id, own.message) == (MSG.activation_id, FOR_AN_INVOKER)
        later = own.accepted_at + 61_000

        def lost(acceptor: FarAway | None, now: int, *others: str) -> FormerLife:
            return FormerLife(own.accepted_at - 1, 60.0, acceptor.store.acceptor.life if acceptor else "", others)

        assert not lost(two, later).lost(own, later), "of this life"
        assert lost(two_again, later).lost(own, later)
        assert not lost(two_again, later).lost(own, own.accepted_at + 1), "an invoker may have it"
        known = await two.kept.activations.unfinished()
        of_keeper = {one.activation_id: lost(None, later, "two").lost(one, later) for one in known}
        assert of_keeper == {activation_id(1): False, MSG.activation_id: False, activation_id(3): True}
        ended = await end_lost_calls(two.kept.activations, later, lambda one: lost(None, later).lost(one, later))
        assert ended == 2
        assert await two.store.activations.unfinished() == ()
        of_action = await two.kept.activations.unfinished()
        assert [one.activation_id for one in of_action] == [activation_id(1)]

    play(story)
