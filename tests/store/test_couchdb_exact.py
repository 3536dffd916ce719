"""Values that CouchDB or JavaScript cannot hold survive, and others see the nearest there are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owactors.store.couchdb.exact import EXACT, document_bytes, exact_document, record_bytes
from owactors.store.document import encode

HEAD = {"_id": "guest/1", "entityType": "activation"}


def through_javascript(text: bytes) -> Any:
    """What comes back from a server that knows only doubles and whole surrogate pairs."""
    document = json.loads(text, parse_int=lambda digits: int(float(digits)))
    json.dumps(document, ensure_ascii=False).encode()
    return document


@pytest.mark.parametrize("value", ["plain", 2**53 - 1, 1.5, "ü🦆", None, [], "1234567890123456"])
def test_plain_values_are_written_once(value: object) -> None:
    assert json.loads(document_bytes({"_id": "a", "value": value})) == {"_id": "a", "value": value}
    assert EXACT not in json.loads(record_bytes(HEAD, encode({"value": value})))


@pytest.mark.parametrize(
    "value", [2**53 + 1, -(2**64), 2**80 + 1, "\ud800", "a\udfffb🦆", {"\ud800": [1, {"a": 2**70}]}]
)
def test_odd_values_survive(value: object) -> None:
    written = through_javascript(document_bytes({"_id": "a", "_rev": "1-0", "value": value}))
    assert exact_document({**written, "_rev": "2-0"}) == {"_id": "a", "_rev": "2-0", "value": value}
    record = through_javascript(record_bytes(HEAD, encode({"value": value})))
    assert exact_document(record)["value"] == value
    assert record["entityType"] == "activation"


def test_others_see_the_nearest_value() -> None:
    assert json.loads(document_bytes({"text": "a\ud800b"}))["text"] == "a\ufffdb"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_any_value_survives(value: object) -> None:
    assert exact_document(through_javascript(record_bytes(HEAD, encode({"value": value}))))["value"] == value
