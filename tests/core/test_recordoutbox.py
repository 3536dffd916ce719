"""The outbox of records: batches, refusals, bounds. Nothing leaves it before it is confirmed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.recordoutbox import RecordOutbox
from owactors.message.store import RecordEntry, StoreUnavailable


def entry(number: int, size: int = 10) -> RecordEntry:
    return RecordEntry("guest", f"{number:032x}", number, "greet", b"{}", b"x" * size)


def filled(count: int, **bounds: int) -> RecordOutbox:
    outbox = RecordOutbox(**bounds)
    for number in range(count):
        outbox.add(entry(number))
    return outbox


def test_everything_that_waits_goes_in_one_batch_in_order() -> None:
    outbox = filled(3)
    batch = outbox.next_batch(7)
    assert batch is not None
    assert (batch.request, [one.start for one in batch.entries]) == (7, [0, 1, 2])
    assert len(outbox) == 3
    assert outbox.confirmed(7) == outbox.ticket == 3
    assert (len(outbox), outbox.bytes, outbox.idle) == (0, 0, True)


def test_one_batch_at_a_time() -> None:
    outbox = filled(1)
    outbox.next_batch(1)
    outbox.add(entry(2))
    assert outbox.next_batch(2) is None
    assert outbox.confirmed(1) == 1
    batch = outbox.next_batch(2)
    assert batch is not None
    assert [one.start for one in batch.entries] == [2]


def test_nothing_to_send() -> None:
    assert RecordOutbox().next_batch(1) is None


def test_batches_are_bounded_by_number_and_by_bytes() -> None:
    outbox = filled(5, batch_records=2)
    assert [len(_send(outbox, n)) for n in (1, 2, 3)] == [2, 2, 1]
    outbox = filled(5, batch_bytes=25)
    assert [len(_send(outbox, n)) for n in (1, 2)] == [3, 2]


def _send(outbox: RecordOutbox, request: int) -> tuple[RecordEntry, ...]:
    batch = outbox.next_batch(request)
    assert batch is not None
    outbox.confirmed(request)
    return batch.entries


def test_refused_batch_stays_and_is_sent_again_as_it_was() -> None:
    outbox = filled(2)
    batch = outbox.next_batch(1)
    outbox.add(entry(9))
    rests = []
    for _ in range(12):
        assert outbox.refused(1)
        assert outbox.again() is batch
        rests.append(outbox.rest())
    assert rests == sorted(rests)
    assert rests[-1] == 5.0
    assert outbox.confirmed(1) == 2
    assert (outbox.failures, len(outbox)) == (0, 1)


def test_answers_to_other_requests_mean_nothing() -> None:
    outbox = filled(1)
    assert outbox.confirmed(1) is None
    outbox.next_batch(2)
    assert outbox.confirmed(1) is None
    assert not outbox.refused(1)
    assert len(outbox) == 1


def test_dismissals_travel_along() -> None:
    outbox = filled(1)
    outbox.dismiss("guest", "f" * 32)
    batch = outbox.next_batch(1)
    assert batch is not None
    assert batch.dismissed == (("guest", "f" * 32),)
    assert len(outbox) == 2
    outbox.confirmed(1)
    assert len(outbox) == 0


def test_bounds() -> None:
    outbox = filled(2, most_records=2)
    with pytest.raises(StoreUnavailable, match="2 records"):
        outbox.add(entry(3))
    outbox = filled(2, most_bytes=25)
    with pytest.raises(StoreUnavailable):
        outbox.add(entry(3))
    outbox.next_batch(1)
    with pytest.raises(StoreUnavailable):
        outbox.add(entry(3))
    outbox.confirmed(1)
    outbox.add(entry(3))


@given(st.lists(st.sampled_from(["add", "dismiss", "send", "confirm", "refuse", "stale"]), max_size=60))
def test_each_entry_is_confirmed_once_and_in_order(steps: list[str]) -> None:
    outbox, added, confirmed = RecordOutbox(batch_records=3), 0, []
    request, under_way = 0, None
    for step in [*steps, *["send", "confirm"] * 60]:
        if step == "add":
            outbox.add(entry(added))
            added += 1
        elif step == "dismiss":
            outbox.dismiss("guest", f"{added:032x}")
            added += 1
        elif step == "send":
            request += 1
            under_way = outbox.next_batch(request) or under_way
        elif step == "refuse" and under_way:
            outbox.refused(under_way.request)
        elif step == "stale":
            assert outbox.confirmed(-1) is None
        elif step == "confirm" and under_way and outbox.confirmed(under_way.request) is not None:
            confirmed += sorted(
                [one.start for one in under_way.entries] + [int(one[1], 16) for one in under_way.dismissed]
            )
            under_way = None
    assert confirmed == list(range(added))
    assert (len(outbox), outbox.bytes, outbox.ticket) == (0, 0, added)
