"""How a JSON form is refused: the field at fault and why."""

from __future__ import annotations


class DeserializationError(ValueError):
    """A JSON value is not the form of the entity asked for.

    `field` is the dotted name of the part at fault ("" for the whole value), `reason` says what is wrong with it.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field

    def inside(self, field: str) -> DeserializationError:
        """The same complaint seen from the enclosing object, where the value is called `field`."""
        return DeserializationError(self.reason, f"{field}.{self.field}" if self.field else field)
