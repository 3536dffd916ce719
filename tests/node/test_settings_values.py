"""Sizes, durations and switches as people write them."""

from __future__ import annotations

import pytest

from owactors.node.settings_tree import Seconds
from owactors.node.settings_values import (
    read_duration,
    read_network_mode,
    read_number,
    read_size,
    read_switch,
    read_table,
    read_texts,
    read_whole_numbers,
    show_duration,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8192 m", 8 << 30),
        ("256 MB", 256 << 20),
        ("2GB", 2 << 30),
        ("10 B", 10),
        ("0 MB", 0),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text).bytes == size


@pytest.mark.parametrize("text", ["", "12", "MB", "-1 MB", "1 MBB", 12, None, "1 m b"])
def test_what_is_not_a_size(text: object) -> None:
    with pytest.raises(ValueError):
        read_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100 ms", 0.1),
        ("10 s", 10),
        ("5 min", 300),
        ("5 minutes", 300),
        ("1m", 60),
        ("7 d", 604800),
        ("0", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "ten s", "-1 s", 10])
def test_what_is_not_a_duration(text: object) -> None:
    with pytest.raises(ValueError):
        read_duration(text)


def test_quantities_are_shown_as_one_would_write_them() -> None:
    assert [show_duration(Seconds(n)) for n in (0, 0.05, 90, 604800)] == ["0 s", "50 ms", "90 s", "7 d"]


def test_lists_tables_and_shares_can_be_given_as_text() -> None:
    assert read_texts("a, b,,c") == ("a", "b", "c")
    assert read_table("ContainerPool=debug, MessageFeed=error") == {
        "ContainerPool": "debug",
        "MessageFeed": "error",
    }
    assert read_number("90%") == pytest.approx(0.9)
    assert [read_switch(text) for text in ("Yes", "off", True)] == [True, False, True]


@pytest.mark.parametrize(
    ("value", "mode"),
    [(True, "host"), ("true", "host"), (False, "none"), ("no", "none"), ("private", "private"), ("other", "other")],
)
def test_the_network_of_sandboxes_was_a_switch(value: object, mode: str) -> None:
    assert read_network_mode(value) == mode


def test_lists_of_numbers() -> None:
    assert read_whole_numbers([80, "443"]) == (80, 443)
    assert read_whole_numbers("80, 443") == (80, 443)
    for wrong in (80, ["x"], "a,b"):
        with pytest.raises(ValueError):
            read_whole_numbers(wrong)
