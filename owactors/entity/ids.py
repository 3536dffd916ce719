"""Identifiers: activations, document revisions, authentication keys."""

from __future__ import annotations

import os
import re

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import as_string, kind_of

_ACTIVATION = re.compile(r"[0-9a-f]{32}")
SECRET_LENGTH = 64


@frozen
class ActivationId:
    """32 lower-case hexadecimal digits. ValueError for anything else."""

    text: str

    def __attrs_post_init__(self) -> None:
        if not _ACTIVATION.fullmatch(self.text):
            raise ValueError(f"The activation id is not valid: {self.text}")

    @classmethod
    def from_json(cls, value: object) -> ActivationId:
        """Reads the text; a JSON number is taken as its text, as the original does."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise DeserializationError(f"expected an activation id, got {kind_of(value)}")
        try:
            return cls(value)
        except ValueError as error:
            raise DeserializationError(str(error)) from None

    def to_json(self) -> str:
        """The digits."""
        return self.text

    def __str__(self) -> str:
        return self.text


def new_activation_id() -> str:
    """A fresh random activation id (32 hex digits with the version and variant bits of a UUID v4)."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()


@frozen
class DocRevision:
    """A document's revision `N-<hex>`; the empty one stands for "no revision" and is written as null."""

    text: str = ""

    @property
    def empty(self) -> bool:
        """True when no revision is meant."""
        return not self.text

    @property
    def number(self) -> int:
        """What stands before the dash; 0 for the empty revision."""
        head = self.text.partition("-")[0]
        return int(head) if head.isdigit() else 0

    @classmethod
    def from_json(cls, value: object) -> DocRevision:
        """Reads a string or null."""
        return cls() if value is None else cls(as_string(value))

    def to_json(self) -> str | None:
        """The text, or None for the empty revision."""
        return self.text or None


@frozen
class BasicAuthKey:
    """The pair of `uuid:key` that a client authenticates with; the key has exactly 64 characters."""

    uuid: str
    key: str

    @classmethod
    def parse(cls, text: str) -> BasicAuthKey:
        """Reads `uuid:key`. ValueError says which part is wrong."""
        uuid, colon, key = text.partition(":")
        if not colon:
            raise ValueError("an authentication key is written uuid:key")
        if len(key) != SECRET_LENGTH:
            raise ValueError(f"secret must be {SECRET_LENGTH} characters")
        return cls(uuid, key)

    def __str__(self) -> str:
        return f"{self.uuid}:{self.key}"
