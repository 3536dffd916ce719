"""Which accepted calls count as lost when a controller is back, and what their records say."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from owactors.actor.lostcalls import REASON, FormerLife, end_lost_calls
from owactors.message.store import Acceptance, NoDocument
from owactors.store.memory.store import MemoryStore
from tests.actor.test_loadbalancer import MSG

BEFORE = FormerLife(began=1_000_000, patience=60.0)
FOR_AN_INVOKER = orjson.dumps(MSG.to_json())


def accepted(at: int, message: bytes = FOR_AN_INVOKER) -> Acceptance:
    return Acceptance(MSG.activation_id, "mira", message, at)


def test_what_an_invoker_was_to_run_is_lost_when_its_time_is_over() -> None:
    assert not BEFORE.lost(accepted(999_000), now=1_050_000)
    assert BEFORE.lost(accepted(999_000), now=1_059_001)


def test_what_the_controller_did_itself_ended_with_it() -> None:
    assert BEFORE.lost(accepted(999_000, b'{"trigger":{}}'), now=1_000_001)


def test_what_this_life_accepted_is_its_own_business() -> None:
    assert not BEFORE.lost(accepted(1_000_000), now=9_000_000)
    assert not BEFORE.lost(accepted(1_000_001, b"{}"), now=9_000_000)


def test_only_the_chosen_ones_get_a_record() -> None:
    async def story() -> list[int]:
        store = MemoryStore()
        await store.activations.accept(MSG.activation_id, "mira", FOR_AN_INVOKER)
        kept = await end_lost_calls(store.activations, 5, lambda one: False)
        with pytest.raises(NoDocument):
            await store.activations.get("mira", MSG.activation_id)
        ended = await end_lost_calls(store.activations, 5)
        record = await store.activations.get(MSG.user.namespace.name, MSG.activation_id)
        assert record["response"]["result"] == {"error": REASON}
        return [kept, ended]

    assert asyncio.run(story()) == [0, 1]
