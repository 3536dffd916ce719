"""Parameters locked and unlocked."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from owactors.core.arguments import unlock_arguments
from owactors.core.parameterencryption import BadKey, ParameterEncryption, read_keys
from owactors.entity.parameters import Parameters, ParameterValue

SHORT, LONG, OTHER = bytes(range(16)), bytes(range(32)), bytes(range(1, 33))
SAMPLES = Path(__file__).parents[1] / "data" / "wire_samples"


def encryption(current: str = "aes-256", **keys: Any) -> ParameterEncryption:
    known = {"aes-128": (SHORT,), "aes-256": (LONG,)}
    return ParameterEncryption(current, keys.get("keys", known), os.urandom)


@pytest.mark.parametrize("current", ["aes-128", "aes-256"])
@pytest.mark.parametrize("value", ["secret", {"a": [1, None]}, 5, None, True, "ä€"])
def test_what_is_locked_can_be_unlocked(current: str, value: Any) -> None:
    plain = Parameters({"p": ParameterValue(value, init=True)})
    locked = encryption(current).lock(plain)
    assert locked.locked == {"p": current}
    assert locked.init_keys == ("p",)
    assert isinstance(locked.get("p"), str)
    assert encryption(current).unlock(locked) == plain


@pytest.mark.scenario("A33")
def test_the_form_is_openwhisks() -> None:
    message = json.loads((SAMPLES / "activation_message_full.json").read_text())
    opened = unlock_arguments(message["content"], message["lockedArgs"], encryption().unlocks)
    assert opened["secret128"] == "plain-secret"
    assert opened["secret256"] == {"user": "svc", "level": 3}
    assert opened["REGION"] == "eu-1"


@pytest.mark.parametrize(("current", "size"), [("aes-128", 12), ("aes-256", 128)])
def test_the_length_of_the_vector_comes_first(current: str, size: int) -> None:
    data = base64.b64decode(encryption(current).lock(Parameters.of(p=1)).get("p"))
    assert int.from_bytes(data[:4], "big") == size
    assert len(data) == 4 + size + len(b"1") + 16


def test_equal_values_look_different() -> None:
    locked = encryption().lock(Parameters.of(a="same", b="same"))
    assert locked.get("a") != locked.get("b")


@pytest.mark.parametrize("current", ["off", "noop", ""])
def test_off(current: str) -> None:
    plain = Parameters.of(p=1)
    assert encryption(current, keys={}).lock(plain) == plain


def test_locked_values_are_not_locked_twice() -> None:
    locked = encryption().lock(Parameters.of(p=1))
    assert encryption().lock(locked) == locked


def test_a_change_of_algorithm_locks_anew() -> None:
    old = encryption("aes-128").lock(Parameters.of(p=1))
    new = encryption("aes-256").lock(old)
    assert new.locked == {"p": "aes-256"}
    assert encryption().unlock(new) == Parameters.of(p=1)


def test_a_change_of_key() -> None:
    old = encryption(keys={"aes-256": (OTHER,)}).lock(Parameters.of(p=1))
    both = encryption(keys={"aes-256": (LONG, OTHER)})
    assert both.unlock(old) == Parameters.of(p=1)
    new = both.lock(Parameters.of(p=2))
    assert encryption(keys={"aes-256": (LONG,)}).unlock(new) == Parameters.of(p=2)
    with pytest.raises(ValueError, match="another key"):
        encryption(keys={"aes-256": (LONG,)}).unlock(old)


@pytest.mark.parametrize("value", ["", "nonsense", "AAAA", "AAAADA==", 5, None])
def test_what_is_no_locked_value_stays(value: Any) -> None:
    odd = Parameters({"p": ParameterValue(value, encryption="aes-128")})
    assert encryption("aes-256").lock(odd) == odd
    with pytest.raises(ValueError):
        encryption().unlock(odd)


def test_an_unknown_algorithm_stays() -> None:
    odd = Parameters({"p": ParameterValue("x", encryption="rot13")})
    assert encryption().lock(odd) == odd
    assert encryption().unlock(odd) == odd


@pytest.mark.parametrize(
    ("current", "keys", "why"),
    [
        ("aes-128", {}, "needs a key"),
        ("aes-256", {"aes-256": (SHORT,)}, "has 32 bytes"),
        ("rot13", {}, "is not one of off"),
    ],
)
def test_keys_that_do_not_go_with_the_algorithm(current: str, keys: Any, why: str) -> None:
    with pytest.raises(BadKey, match=why):
        encryption(current, keys=keys)


def test_keys_as_text() -> None:
    text = base64.b64encode(SHORT).decode()
    assert read_keys(f"{text},{text}") == (SHORT, SHORT)
    assert read_keys("") == ()
    with pytest.raises(BadKey):
        read_keys("?")


def test_keys_are_not_shown() -> None:
    assert base64.b64encode(LONG).decode() not in repr(encryption())
    assert repr(LONG) not in repr(encryption())
