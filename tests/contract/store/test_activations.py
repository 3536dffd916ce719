"""Records: what is stored is seen at once, lists by time and name, acceptances end in a record."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.message.store import NamespaceUsage, NoDocument
from owactors.store.couchdb.store import CouchStore
from tests.contract.store.stores import Driven, activation_id, ids, record, sample

DOCUMENT_ONLY = ("_id", "_rev", "entityType", "updated")


def plain(name: str) -> dict[str, Any]:
    return {field: value for field, value in sample(name).items() if field not in DOCUMENT_ONLY}


def keep(driven: Driven, *records: dict[str, Any]) -> None:
    for one in records:
        driven.do(driven.activations.store(one))


@pytest.mark.parametrize("name", ["activation_doc", "activation_doc_sequence", "activation_doc_trigger"])
def test_record_comes_back_without_what_only_documents_have(driven: Driven, name: str) -> None:
    keep(driven, sample(name))
    assert driven.do(driven.activations.get("mira", sample(name)["activationId"])) == plain(name)


def test_record_is_only_in_its_namespace(driven: Driven) -> None:
    keep(driven, record(1, "mira"))
    with pytest.raises(NoDocument) as caught:
        driven.do(driven.activations.get("guest", activation_id(1)))
    assert caught.value.doc_id == f"guest/{activation_id(1)}"
    assert driven.do(driven.activations.list("guest")) == []


def test_the_same_id_in_two_namespaces(driven: Driven) -> None:
    keep(driven, record(1, "mira"), record(1, "guest"))
    assert driven.do(driven.activations.get("mira", activation_id(1)))["namespace"] == "mira"
    assert driven.do(driven.activations.get("guest", activation_id(1)))["namespace"] == "guest"


def test_stored_soon_is_seen_at_once(driven: Driven) -> None:
    async def story() -> None:
        driven.activations.store_soon(record(1))
        assert await driven.activations.get("guest", activation_id(1)) == record(1)
        assert ids(await driven.activations.list("guest")) == [1]
        assert await driven.activations.count("guest", name="greet") == 1

    driven.do(story())
    driven.do(driven.activations.flush())
    assert driven.do(driven.activations.get("guest", activation_id(1))) == record(1)
    assert driven.do(driven.activations.count("guest")) == 1


def test_what_is_handed_in_may_change_afterwards(driven: Driven) -> None:
    handed = record(1)
    driven.activations.store_soon(handed)
    handed["response"]["result"] = "changed"
    assert driven.do(driven.activations.get("guest", activation_id(1))) == record(1)


def test_the_first_record_of_an_id_stays(driven: Driven) -> None:
    keep(driven, record(1), record(1, name="other"))
    driven.activations.store_soon(record(1, name="third"))
    driven.do(driven.activations.flush())
    assert driven.do(driven.activations.get("guest", activation_id(1))) == record(1)
    assert driven.do(driven.activations.count("guest")) == 1
    (usage,) = driven.do(driven.activations.usage())
    assert usage.records == 1


def test_soon_and_then_for_certain_is_one_record(driven: Driven) -> None:
    driven.activations.store_soon(record(1))
    keep(driven, record(1, name="other"))
    assert driven.do(driven.activations.get("guest", activation_id(1))) == record(1)
    assert driven.do(driven.activations.count("guest")) == 1


def test_summary(driven: Driven) -> None:
    keep(driven, sample("activation_doc"))
    (row,) = driven.do(driven.activations.list("mira"))
    fields = ("namespace", "name", "version", "publish", "annotations", "activationId", "start", "end")
    assert row == {
        **{field: sample("activation_doc")[field] for field in fields},
        "duration": 250,
        "statusCode": 0,
    }


def test_summary_of_a_sequence_has_the_span_as_duration(driven: Driven) -> None:
    keep(driven, {**sample("activation_doc_sequence"), "cause": activation_id(9)})
    (row,) = driven.do(driven.activations.list("mira"))
    assert row["duration"] == 720
    assert row["cause"] == activation_id(9)


def test_summary_of_a_trigger_has_no_end(driven: Driven) -> None:
    keep(driven, sample("activation_doc_trigger"))
    (row,) = driven.do(driven.activations.list("mira"))
    assert not {"end", "duration", "statusCode", "cause"} & set(row)


def test_whole_records_in_a_list(driven: Driven) -> None:
    keep(driven, record(1), record(2))
    assert driven.do(driven.activations.list("guest", docs=True)) == [record(2), record(1)]


@pytest.mark.parametrize("waiting", [False, True])
@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"skip": 2}, [3, 2, 1]),
        ({"skip": 1, "limit": 2}, [4, 3]),
        ({"skip": 9}, []),
        ({"since": 20}, [5, 4, 3, 2]),
        ({"upto": 40}, [4, 3, 2, 1]),
        ({"since": 20, "upto": 40, "skip": 1, "limit": 1}, [3]),
        ({"since": 40, "upto": 20}, []),
    ],
)
def test_bounds(driven: Driven, bounds: dict[str, Any], expected: list[int], waiting: bool) -> None:
    async def story() -> None:
        for number in (3, 1):
            await driven.activations.store(record(number, start=number * 10))
        for number in (5, 2, 4):
            driven.activations.store_soon(record(number, start=number * 10))
        if not waiting:
            await driven.activations.flush()
        assert ids(await driven.activations.list("guest", **bounds)) == expected
        if "limit" not in bounds:
            assert await driven.activations.count("guest", **bounds) == len(expected)

    driven.do(story())


def test_of_equal_starts_the_last_to_arrive_is_first(driven: Driven) -> None:
    """In CouchDB, where OpenWhisk's views give the order, the largest id."""
    for number in (2, 1, 3):
        driven.activations.store_soon(record(number, start=10))
    expected = [3, 2, 1] if isinstance(driven.store, CouchStore) else [3, 1, 2]
    assert ids(driven.do(driven.activations.list("guest"))) == expected
    driven.do(driven.activations.flush())
    assert ids(driven.do(driven.activations.list("guest"))) == expected


@pytest.mark.scenario("WIRE-14")
@pytest.mark.parametrize(
    ("annotations", "listed_as"),
    [
        ([], "greet"),
        ([{"key": "path", "value": "guest/greet"}], "greet"),
        ([{"key": "path", "value": "aria/tools/greet"}], "tools/greet"),
        ([{"key": "path", "value": "aria/tools/greet"}, {"key": "binding", "value": "guest/box"}], "box/greet"),
        ([{"key": "binding", "value": "guest/box"}, {"key": "path", "value": "aria/tools/greet"}], "box/greet"),
    ],
)
def test_filter_by_name(driven: Driven, annotations: list[dict[str, str]], listed_as: str) -> None:
    keep(driven, record(1, annotations=annotations), record(2, name="other", annotations=[]))
    for name in ("greet", "tools/greet", "box/greet"):
        expected = [1] if name == listed_as else []
        assert ids(driven.do(driven.activations.list("guest", name=name))) == expected
        assert driven.do(driven.activations.count("guest", name=name)) == len(expected)


def test_filter_by_name_with_bounds(driven: Driven) -> None:
    keep(driven, *(record(n, start=n, name="ab"[n % 2], annotations=[]) for n in range(10)))
    assert ids(driven.do(driven.activations.list("guest", name="a", since=2, upto=7, skip=1))) == [4, 2]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"namespace": ""}, "namespace"),
        ({"activationId": None}, "activationId"),
        ({"name": 5}, "name"),
        ({"start": "now"}, "start"),
        ({"start": 2**63}, "start"),
        ({"start": True}, "start"),
        ({"name": "\ud800"}, "name"),
        ({"annotations": [{"key": "path", "value": "a/\ud800/b"}]}, "annotations"),
    ],
)
def test_record_that_cannot_be_kept(driven: Driven, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        driven.do(driven.activations.store({**record(1), **fields}))
    with pytest.raises(ValueError, match=says):
        driven.activations.store_soon({**record(1), **fields})
    keep(driven, record(2))
    assert ids(driven.do(driven.activations.list("guest"))) == [2]


def test_large_and_odd_results_survive(driven: Driven) -> None:
    result = {"text": "ü🦆\ud800" * 100_000, "number": 2**80}
    keep(driven, record(1, response={"statusCode": 0, "result": result}))
    assert driven.do(driven.activations.get("guest", activation_id(1)))["response"]["result"] == result


def test_acceptance_is_unfinished_until_its_record_comes(driven: Driven) -> None:
    for number in (1, 2, 3):
        driven.do(driven.activations.accept(activation_id(number), "guest", b"call %d" % number))
    keep(driven, record(2))
    left = driven.do(driven.activations.unfinished())
    assert [(one.activation_id, one.namespace, one.message) for one in left] == [
        (activation_id(1), "guest", b"call 1"),
        (activation_id(3), "guest", b"call 3"),
    ]
    assert all(one.accepted_at > 1_600_000_000_000 for one in left)


def test_acceptance_ends_when_the_record_is_only_on_its_way(driven: Driven) -> None:
    async def story() -> None:
        await driven.activations.accept(activation_id(1), "guest", b"")
        driven.activations.store_soon(record(1))
        assert await driven.activations.unfinished() == ()
        await driven.activations.flush()
        assert await driven.activations.unfinished() == ()

    driven.do(story())


def test_acceptance_twice_or_after_its_record_changes_nothing(driven: Driven) -> None:
    driven.do(driven.activations.accept(activation_id(1), "guest", b"first"))
    driven.do(driven.activations.accept(activation_id(1), "guest", b"second"))
    keep(driven, record(2))
    driven.do(driven.activations.accept(activation_id(2), "guest", b"late"))
    assert [one.message for one in driven.do(driven.activations.unfinished())] == [b"first"]


def test_acceptance_belongs_to_its_namespace(driven: Driven) -> None:
    driven.do(driven.activations.accept(activation_id(1), "mira", b""))
    keep(driven, record(1, "guest"))
    assert len(driven.do(driven.activations.unfinished())) == 1


def test_dismissed_acceptance_is_not_unfinished(driven: Driven) -> None:
    for number in (1, 2, 3):
        driven.do(driven.activations.accept(activation_id(number), "guest", b""))
    keys = [("guest", activation_id(1)), ("mira", activation_id(2)), ("guest", activation_id(9))]
    driven.do(driven.activations.dismiss(keys))
    assert ids_of_unfinished(driven) == [2, 3]
    with pytest.raises(NoDocument):
        driven.do(driven.activations.get("guest", activation_id(1)))


def ids_of_unfinished(driven: Driven) -> list[int]:
    return [int(one.activation_id, 16) for one in driven.do(driven.activations.unfinished())]


def test_many_at_once(driven: Driven) -> None:
    calls = [driven.activations.accept(activation_id(n), "guest", b"") for n in range(300)]
    assert driven.do_all(*calls) == [None] * 300
    calls = [driven.activations.store(record(n, f"ns{n % 3}" if n >= 300 else "guest")) for n in range(500)]
    assert driven.do_all(*calls) == [None] * 500
    assert driven.do(driven.activations.unfinished()) == ()
    assert driven.do(driven.activations.count("guest")) == 300
    assert sum(driven.do(driven.activations.count(f"ns{n}")) for n in range(3)) == 200
    assert ids(driven.do(driven.activations.list("guest", limit=3))) == [299, 298, 297]


def test_usage(driven: Driven) -> None:
    assert driven.do(driven.activations.usage()) == ()
    keep(driven, record(1, "mira"), record(2), record(3))
    guest, mira = driven.do(driven.activations.usage())
    assert (guest.namespace, guest.records) == ("guest", 2)
    assert (mira.namespace, mira.records) == ("mira", 1)
    assert guest.bytes > mira.bytes > 300


def test_remove_before(driven: Driven) -> None:
    keep(driven, *(record(n, start=n * 10) for n in range(1, 8)), record(9, "mira", start=1))
    assert driven.do(driven.activations.remove_before("guest", 50, 2)) == 2
    assert ids(driven.do(driven.activations.list("guest"))) == [7, 6, 5, 4, 3]
    assert driven.do(driven.activations.remove_before("guest", 50, 100)) == 2
    assert ids(driven.do(driven.activations.list("guest"))) == [7, 6, 5]
    assert driven.do(driven.activations.remove_before("guest", 50, 100)) == 0
    assert driven.do(driven.activations.remove_before("nobody", 50, 100)) == 0
    assert [one.records for one in driven.do(driven.activations.usage())] == [3, 1]


def test_remove_oldest(driven: Driven) -> None:
    keep(driven, *(record(n, start=n * 10) for n in range(1, 8)))
    (before,) = driven.do(driven.activations.usage())
    size = before.bytes // 7
    assert driven.do(driven.activations.remove_oldest("guest", size + 1, 100)) == 2
    assert ids(driven.do(driven.activations.list("guest"))) == [7, 6, 5, 4, 3]
    assert driven.do(driven.activations.remove_oldest("guest", 10 * size, 1)) == 1
    assert driven.do(driven.activations.remove_oldest("guest", 0, 10)) == 0
    assert driven.do(driven.activations.usage()) == (NamespaceUsage("guest", 4, size * 4),)
    with pytest.raises(NoDocument):
        driven.do(driven.activations.get("guest", activation_id(1)))
