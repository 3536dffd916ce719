"""Lists and counts of actions, packages, triggers, rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.store.stores import Driven, action, names, sample


def put(driven: Driven, *documents: dict[str, Any]) -> None:
    for document in documents:
        driven.do(driven.entities.put(document))


def package(doc_id: str, updated: int = 1, **fields: Any) -> dict[str, Any]:
    return {**sample("package_doc"), "_id": doc_id, "updated": updated, **_names(doc_id), **fields}


def _names(doc_id: str) -> dict[str, str]:
    namespace, _, name = doc_id.rpartition("/")
    return {"namespace": namespace, "name": name}


def test_action_summary(driven: Driven) -> None:
    document = sample("action_doc")
    put(driven, document)
    expected = {
        field: document[field]
        for field in ("namespace", "name", "version", "publish", "annotations", "limits", "updated")
    }
    assert driven.do(driven.entities.list("actions", "aria")) == [{**expected, "exec": {"binary": False}}]


def test_packaged_action_is_listed_under_package_and_namespace(driven: Driven) -> None:
    put(driven, action("guest/tools/a"), action("guest/b", 2), action("guest/other/c", 3))
    assert names(driven.do(driven.entities.list("actions", "guest"))) == ["c", "b", "a"]
    assert names(driven.do(driven.entities.list("actions", "guest/tools"))) == ["a"]
    assert driven.do(driven.entities.list("actions", "gue")) == []
    assert driven.do(driven.entities.count("actions", "guest")) == 3
    assert driven.do(driven.entities.count("actions", "guest/tools")) == 1


def test_package_and_binding_summaries(driven: Driven) -> None:
    put(driven, package("guest/tools", 1), {**sample("binding_doc"), **_names("guest/bound"), "_id": "guest/bound"})
    bound, tools = driven.do(driven.entities.list("packages", "guest"))
    assert tools["binding"] is False
    assert bound["binding"] == {"namespace": "aria", "name": "tools"}
    assert set(tools) == {"namespace", "name", "version", "publish", "annotations", "updated", "binding"}


def test_public_packages_are_published_and_no_bindings(driven: Driven) -> None:
    put(
        driven,
        package("guest/open", 1, publish=True),
        package("guest/closed", 2, publish=False),
        package("guest/bound", 3, publish=True, binding={"namespace": "aria", "name": "tools"}),
    )
    assert names(driven.do(driven.entities.list("packages-public", "guest"))) == ["open"]
    assert names(driven.do(driven.entities.list("bindings", "guest"))) == ["bound"]
    assert names(driven.do(driven.entities.list("packages", "guest"))) == ["bound", "closed", "open"]
    assert driven.do(driven.entities.count("packages-public", "guest")) == 1


def test_trigger_summary(driven: Driven) -> None:
    document = sample("trigger_doc")
    put(driven, document)
    fields = ("namespace", "name", "version", "publish", "annotations", "updated")
    assert driven.do(driven.entities.list("triggers", "mira")) == [{field: document[field] for field in fields}]


def test_rules_are_listed_whole(driven: Driven) -> None:
    document = sample("rule_doc")
    revision = driven.do(driven.entities.put(document))
    assert driven.do(driven.entities.list("rules", "mira")) == [{**document, "_rev": revision}]


def test_each_kind_is_in_its_own_collection(driven: Driven) -> None:
    samples = ("action_doc_blackbox", "sequence_doc", "binding_doc", "trigger_doc", "rule_doc")
    put(driven, *(sample(name) for name in samples))
    listed = {
        collection: names(driven.do(driven.entities.list(collection, "mira")))
        for collection in ("actions", "packages", "triggers", "rules")
    }
    assert listed == {
        "actions": ["welcome", "scan"],
        "packages": ["toolbox"],
        "triggers": ["onUpload"],
        "rules": ["ingestOnUpload"],
    }


def test_whole_documents(driven: Driven) -> None:
    put(driven, action("guest/a", 1), action("guest/b", 2))
    rows = driven.do(driven.entities.list("actions", "guest", docs=True))
    assert rows == [driven.do(driven.entities.get(doc_id)) for doc_id in ("guest/b", "guest/a")]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"descending": False}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [5, 4]),
        ({"skip": 2}, [3, 2, 1]),
        ({"skip": 1, "limit": 2}, [4, 3]),
        ({"skip": 9}, []),
        ({"since": 20}, [5, 4, 3, 2]),
        ({"upto": 40}, [4, 3, 2, 1]),
        ({"since": 20, "upto": 40}, [4, 3, 2]),
        ({"since": 20, "upto": 40, "skip": 1, "limit": 1}, [3]),
        ({"since": 41, "upto": 49}, []),
        ({"since": 40, "upto": 20}, []),
    ],
)
def test_bounds(driven: Driven, bounds: dict[str, Any], expected: list[int]) -> None:
    put(driven, *(action(f"guest/{n}", n * 10) for n in (3, 1, 5, 2, 4)))
    rows = driven.do(driven.entities.list("actions", "guest", **bounds))
    assert [int(row["name"]) for row in rows] == expected
    counted = {field: value for field, value in bounds.items() if field in ("skip", "since", "upto")}
    if "limit" not in bounds:
        assert driven.do(driven.entities.count("actions", "guest", **counted)) == len(expected)


def test_an_update_moves_the_row(driven: Driven) -> None:
    put(driven, action("guest/a", 1), action("guest/b", 2))
    revision = driven.do(driven.entities.get("guest/a"))["_rev"]
    put(driven, {**action("guest/a", 3, version="0.0.2"), "_rev": revision})
    rows = driven.do(driven.entities.list("actions", "guest"))
    assert [(row["name"], row["version"]) for row in rows] == [("a", "0.0.2"), ("b", "0.0.1")]


def test_a_document_may_change_its_kind(driven: Driven) -> None:
    put(driven, action("guest/a"))
    revision = driven.do(driven.entities.get("guest/a"))["_rev"]
    put(driven, {**package("guest/a"), "_rev": revision})
    assert driven.do(driven.entities.list("actions", "guest")) == []
    assert names(driven.do(driven.entities.list("packages", "guest"))) == ["a"]


def test_unknown_collection(driven: Driven) -> None:
    with pytest.raises(ValueError, match="dreams"):
        driven.do(driven.entities.list("dreams", "guest"))
    with pytest.raises(ValueError, match="dreams"):
        driven.do(driven.entities.count("dreams", "guest"))
