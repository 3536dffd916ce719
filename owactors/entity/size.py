"""Byte sizes such as `256 MB`. (OpenWhisk, Size.scala.)"""

from __future__ import annotations

import re

from attrs import field, frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import as_string

_FORM = re.compile(r"\s?(\d+)\s?(GB|MB|KB|B|G|M|K)\s?", re.IGNORECASE)
_FACTOR = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


@frozen(order=True)
class ByteSize:
    """A number of bytes, never negative. `str()` uses the largest unit that divides it.

    `unit` (B, K, M, G) is that of the text it was read from: equal sizes may have different ones.
    """

    bytes: int
    unit: str = field(default="", eq=False, order=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.bytes < 0:
            raise ValueError("a negative size of an object is not allowed")

    @classmethod
    def mb(cls, count: int) -> ByteSize:
        """`count` mebibytes."""
        return cls(count * 1024**2)

    @classmethod
    def kb(cls, count: int) -> ByteSize:
        """`count` kibibytes."""
        return cls(count * 1024)

    @classmethod
    def parse(cls, text: str) -> ByteSize:
        """Reads `256 MB`, `1g`, `10 B`; ValueError for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a size: write a whole number and B, KB, MB or GB, as in '256 MB'")
        unit = match[2][0].upper()
        return cls(int(match[1]) * _FACTOR[unit], unit)

    @classmethod
    def from_json(cls, value: object) -> ByteSize:
        """Reads the text form."""
        try:
            return cls.parse(as_string(value))
        except DeserializationError:
            raise
        except ValueError as error:
            raise DeserializationError(str(error)) from None

    def to_json(self) -> str:
        """`"<n> B"`: sizes travel in bytes, as the original writes sizes it loaded from its configuration."""
        return f"{self.bytes} B"

    @property
    def as_read(self) -> str:
        """The text in the unit it was read with; a size that was not read is written as by `str()`."""
        if not self.unit:
            return str(self)
        return f"{self.bytes // _FACTOR[self.unit]} {self.unit.rstrip('B')}B"

    @property
    def to_mb(self) -> int:
        """Whole mebibytes, truncated."""
        return self.bytes // 1024**2

    def __add__(self, other: ByteSize) -> ByteSize:
        return ByteSize(self.bytes + other.bytes)

    def __sub__(self, other: ByteSize) -> ByteSize:
        return ByteSize(self.bytes - other.bytes)

    def __mul__(self, count: int) -> ByteSize:
        return ByteSize(self.bytes * count)

    def __str__(self) -> str:
        for unit, factor in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
            if self.bytes and self.bytes % factor == 0:
                return f"{self.bytes // factor} {unit}"
        return f"{self.bytes} B"
