"""Parameters encrypted at rest: locked when an action or package is stored, unlocked where they are used.

A locked value is base64 of a 4-byte length, the initialisation vector, and AES-GCM's output for the JSON text
of the value; the parameter's `encryption` names the algorithm. An algorithm may have several keys: the first
locks, all unlock, so that a key can be exchanged. (OpenWhisk, ParameterEncryption.scala.)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from owactors.core.arguments import Unlock
from owactors.entity.parameters import Parameters, ParameterValue

OFF = frozenset(("", "off", "noop"))


@frozen
class Algorithm:
    """Sizes in bytes of an algorithm's key and initialisation vector."""

    key_size: int
    vector_size: int


ALGORITHMS = {"aes-128": Algorithm(16, 12), "aes-256": Algorithm(32, 128)}


class BadKey(ValueError):
    """The keys and the algorithm chosen do not go together; the text says what is expected."""


def read_keys(text: str) -> tuple[bytes, ...]:
    """Keys in base64, separated by commas, the newest first. BadKey if one is not base64."""
    try:
        return tuple(base64.b64decode(part, validate=True) for part in text.split(",") if part.strip())
    except ValueError as problem:
        raise BadKey(f"not base64: {problem}") from problem


@frozen
class ParameterEncryption:
    """Locks with algorithm `current` ("off" locks nothing), unlocks with all `keys` (by algorithm).

    `random_bytes` gives that many unpredictable bytes. BadKey for a key of the wrong length, or none.
    """

    current: str
    keys: Mapping[str, tuple[bytes, ...]] = field(repr=False)
    random_bytes: Callable[[int], bytes] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        for name, keys in self.keys.items():
            size = ALGORITHMS[name].key_size
            if any(len(key) != size for key in keys):
                raise BadKey(f"a key of {name} has {size} bytes")
        if self.current in OFF:
            return
        if self.current not in ALGORITHMS:
            raise BadKey(f"{self.current} is not one of off, {', '.join(ALGORITHMS)}")
        if not self.keys.get(self.current):
            raise BadKey(f"{self.current} needs a key")

    def lock(self, parameters: Parameters) -> Parameters:
        """All values locked with the current algorithm, those locked with an older one locked anew.

        What cannot be unlocked stays as it is: it may be a value that another installation locked.
        """
        if self.current in OFF or not parameters:
            return parameters
        return Parameters({name: self._locked(entry) for name, entry in parameters.entries.items()})

    def unlock(self, parameters: Parameters) -> Parameters:
        """All values in the clear. ValueError if one was locked with a key that is not known."""
        if not parameters.locked:
            return parameters
        return Parameters({name: self._unlocked(entry) for name, entry in parameters.entries.items()})

    @property
    def unlocks(self) -> dict[str, Unlock]:
        """Algorithm to the function that unlocks its values."""
        return {name: self._unlock_with(name) for name, keys in self.keys.items() if keys}

    def _locked(self, entry: ParameterValue) -> ParameterValue:
        if entry.encryption == self.current:
            return entry
        try:
            plain = self._unlocked(entry)
        except ValueError:
            return entry
        if plain.encryption is not None:
            return entry
        text = json.dumps(plain.value, ensure_ascii=False, separators=(",", ":")).encode()
        return evolve(plain, value=self._encrypt(text), encryption=self.current)

    def _unlocked(self, entry: ParameterValue) -> ParameterValue:
        """The entry in the clear; of an unknown algorithm, as it is."""
        unlock = self.unlocks.get(entry.encryption or "")
        if unlock is None:
            return entry
        return evolve(entry, value=unlock(entry.value), encryption=None)

    def _encrypt(self, text: bytes) -> str:
        vector = self.random_bytes(ALGORITHMS[self.current].vector_size)
        sealed = _cipher(self.keys[self.current][0]).encrypt(vector, text, None)
        return base64.b64encode(len(vector).to_bytes(4, "big") + vector + sealed).decode()

    def _unlock_with(self, name: str) -> Unlock:
        def unlock(value: str) -> Any:
            return json.loads(_opened(value, self.keys[name]))

        return unlock


def _opened(value: Any, keys: tuple[bytes, ...]) -> bytes:
    """The text inside a locked value, with whichever key fits. ValueError if none does."""
    from cryptography.exceptions import InvalidTag

    vector, sealed = _parts(value)
    for key in keys:
        try:
            return bytes(_cipher(key).decrypt(vector, sealed, None))
        except InvalidTag:
            continue
    raise ValueError("the value was locked with another key")


def _parts(value: Any) -> tuple[bytes, bytes]:
    """Initialisation vector and sealed text. ValueError if they are not there."""
    if not isinstance(value, str):
        raise ValueError("a locked value is a text")
    data = base64.b64decode(value, validate=True)
    size = int.from_bytes(data[:4], "big")
    if not 8 <= size <= 128 or len(data) < 4 + size + 16:
        raise ValueError("not a locked value")
    return data[4 : 4 + size], data[4 + size :]


def _cipher(key: bytes) -> Any:
    """AES-GCM; imported here since most installations never lock and should not pay for the library."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
