"""Values that many messages have in common, such as the caller: between processes they travel as bytes of their JSON.

A process makes the bytes of a value once and reads the same bytes once, so a message that is pickled costs only what is
its own. A value that comes again is the same object.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import define, field

Value = TypeVar("Value")
MOST_KEPT = 1000


@define(eq=False)
class SharedForm(Generic[Value]):
    """The bytes of one class's values: `to_json` and `from_json` are its own."""

    to_json: Callable[[Value], Any]
    from_json: Callable[[Any], Value]
    #: by the value's id; the value is kept, so its id stays its own
    _forms: dict[int, tuple[Value, bytes]] = field(factory=dict)
    _values: dict[bytes, Value] = field(factory=dict)

    def form(self, value: Value) -> bytes:
        """The bytes of a value."""
        known = self._forms.get(id(value))
        if known is not None:
            return known[1]
        if len(self._forms) >= MOST_KEPT:
            self._forms.clear()
        form = json.dumps(self.to_json(value)).encode()
        self._forms[id(value)] = value, form
        return form

    def value(self, form: bytes) -> Value:
        """The value of these bytes. What `from_json` raises."""
        known = self._values.get(form)
        if known is None:
            if len(self._values) >= MOST_KEPT:
                self._values.clear()
            known = self._values[form] = self.from_json(json.loads(form))
        return known
