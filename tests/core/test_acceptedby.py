"""Whose call it is that a store keeps."""

from __future__ import annotations

import pytest

from owactors.core.acceptedby import Acceptor, acceptor_of, bare

TWO = Acceptor("two", "ab12")


@pytest.mark.parametrize("message", [b"", b"{}", b'{"a": 1}', b"acceptedBy x y", b"line\nline", b"\xff"])
def test_a_mark_is_read_again_and_taken_off(message: bytes) -> None:
    kept = TWO.mark(message)
    assert (acceptor_of(kept), bare(kept)) == (TWO, message)


@pytest.mark.parametrize("message", [b"", b"{}", b'{"acceptedBy": 1}', b"acceptedBy two\n{}", b"acceptedBy a b c\n{}"])
def test_what_has_no_mark_stays_as_it_is(message: bytes) -> None:
    assert acceptor_of(message) is None
    assert bare(message) == message
