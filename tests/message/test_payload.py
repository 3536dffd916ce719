"""From values to the bytes of a topic and back: nothing is lost, whatever the value, and the fields are in order."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.message.payload import from_payload, json_bytes, leading_fields, to_payload
from tests.message.recordings import FOLDER

NUMBERS = st.integers() | st.integers(-(2**200), 2**200) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Lu", "So"]), max_size=4)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
LINES = [json.loads(line)["value"].encode() for line in (FOLDER / "kafka_invoker.jsonl").read_text().splitlines()]


def text_of(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(value=ANY)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    payload = to_payload(value)
    assert text_of(from_payload(payload)) == text_of(value)
    assert text_of(json.loads(payload)) == text_of(value)
    assert json.dumps(json.loads(json_bytes(value))) == json.dumps(value)


@given(value=st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6), ANY, max_size=8))
def test_fields_are_in_the_order_of_their_names(value: dict[str, Any]) -> None:
    assert list(json.loads(to_payload(value))) == sorted(value)
    assert list(json.loads(to_payload({**value, "long": 2**70}))) == sorted({**value, "long": 0})


@pytest.mark.parametrize("levels", [10, 254, 255, 900, 1000])
def test_depth_is_no_limit_that_openwhisk_has_not(levels: int) -> None:
    text = b"[" * levels + b"]" * levels
    assert to_payload(from_payload(text)) == text


@pytest.mark.parametrize("text", [b"", b"{", b"nonsense", b"NaN", b"[1,]", b"\xff", b"1 2", b"[" * 2000 + b"]" * 2000])
def test_what_is_not_json_says_so(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_payload(text)


@pytest.mark.parametrize(("text", "sign"), [(b"1e400", 1), (b"-1e400", -1)])
def test_a_number_beyond_all_is_the_nearest_one(text: bytes, sign: int) -> None:
    found = from_payload(text)
    assert math.isfinite(found)
    assert sign * found > 1e308


@pytest.mark.parametrize("line", LINES[::20])
def test_what_stands_before_the_break_is_found(line: bytes) -> None:
    whole = orjson.loads(line)
    assert leading_fields(line) == leading_fields(line + b" and more") == whole
    names = list(whole)
    known = 0
    for length in range(len(line)):
        found = leading_fields(line[:length])
        assert list(found) == names[: len(found)]
        assert all(found[name] == whole[name] for name in names[: max(0, len(found) - 1)])
        assert len(found) >= known
        known = len(found)


@given(junk=st.binary(max_size=40) | st.text('{}[]",:1a ', max_size=40).map(str.encode))
def test_of_junk_nothing_is_found_and_nothing_raised(junk: bytes) -> None:
    assert isinstance(leading_fields(junk), dict)
    try:
        from_payload(junk)
    except ValueError as error:
        assert str(error)
