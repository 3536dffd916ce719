"""Entity versions `major.minor.patch`. (OpenWhisk, SemVer.scala.)"""

from __future__ import annotations

import re

from attrs import frozen

from owactors.entity.errors import DeserializationError
from owactors.entity.jsonfields import as_string

_FORM = re.compile(r"\d+(\.\d+){0,2}")


@frozen(order=True)
class SemVer:
    """A version. The default is 0.0.1; 0.0.0 is refused with ValueError."""

    major: int = 0
    minor: int = 0
    patch: int = 1

    def __attrs_post_init__(self) -> None:
        if min(self.major, self.minor, self.patch) < 0 or not (self.major or self.minor or self.patch):
            raise ValueError(f"bad semantic version {self}")

    @classmethod
    def parse(cls, text: str) -> SemVer:
        """Reads `1`, `1.2` or `1.2.3`; missing parts count as 0. ValueError otherwise."""
        if not _FORM.fullmatch(text):
            raise ValueError(f"bad semantic version {text}")
        return cls(*(int(part) for part in [*text.split("."), "0", "0"][:3]))

    @classmethod
    def from_json(cls, value: object) -> SemVer:
        """Reads the text form."""
        try:
            return cls.parse(as_string(value))
        except DeserializationError:
            raise
        except ValueError as error:
            raise DeserializationError(str(error)) from None

    def to_json(self) -> str:
        """The text form."""
        return str(self)

    def up_patch(self) -> SemVer:
        """The next patch level."""
        return SemVer(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"
