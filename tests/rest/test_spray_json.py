"""Error texts of malformed JSON: the words of spray-json, whose grammar they follow."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.rest.spray_json import ParsingError, parse


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Unexpected end-of-input at input index 0 (line 1, position 1), expected JSON Value:\n\n^\n"),
        (b"{x", "Unexpected character 'x' at input index 1 (line 1, position 2), expected '\"':\n{x\n ^\n"),
        (
            b"{} x",
            "Unexpected character 'x' at input index 3 (line 1, position 4), expected end-of-input:\n{} x\n   ^\n",
        ),
        (b"[1,\n2 3]", "Unexpected character '3' at input index 6 (line 2, position 3), expected ']':\n2 3]\n  ^\n"),
        (b"[tru]", "Unexpected character ']' at input index 1 (line 1, position 2), expected JSON Value:\n[tru]\n ^\n"),
        (
            b'{"a" 1}',
            "Unexpected character '1' at input index 5 (line 1, position 6), expected ':':\n{\"a\" 1}\n     ^\n",
        ),
        (b"-", "Unexpected end-of-input at input index 1 (line 1, position 2), expected DIGIT:\n-\n ^\n"),
        (
            b'"\\x"',
            "Unexpected character 'x' at input index 2 (line 1, position 3), expected JSON escape sequence:\n"
            '"\\x"\n  ^\n',
        ),
        (
            b'"\\u00g0"',
            "Unexpected character 'g' at input index 5 (line 1, position 6), expected hex digit:\n"
            '"\\u00g0"\n     ^\n',
        ),
        (
            b'"a\tb"',
            "Unexpected character '\\u0009' at input index 2 (line 1, position 3), expected '\"':\n\"a?b\"\n  ^\n",
        ),
    ],
)
def test_texts(body: bytes, text: str) -> None:
    with pytest.raises(ParsingError) as caught:
        parse(body)
    assert str(caught.value) == text


def test_nesting_is_bounded() -> None:
    with pytest.raises(ParsingError, match="nested too deeply"):
        parse(b"[" * 5000 + b"]" * 5000)
    assert parse(b"[" * 900 + b"]" * 900)


def test_what_only_spray_json_takes() -> None:
    assert parse(b'{"a": "\xff"}') == {"a": "\ufffd"}
    assert parse(b'"\\ud800"') == "\ud800"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab\u00e4\n"), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.integers(0, 60), st.sampled_from(list('{}[]:,"x0 \\')))
def test_a_spoilt_text_is_json_or_told_where_it_is_not(value: object, at: int, spoilt: str) -> None:
    text = json.dumps(value)
    changed = text[:at] + spoilt + text[at + 1 :]
    try:
        json.loads(changed)
    except ValueError:
        with pytest.raises(ParsingError, match="at input index"):
            parse(changed.encode())
    else:
        parse(changed.encode())
