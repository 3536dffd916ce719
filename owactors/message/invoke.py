"""What a controller and an invoker say over HTTP, and how the one learns where the other is."""

from __future__ import annotations

from attrs import frozen

from owactors.entity.instance import InvokerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need

#: POST an activation message; POST a JSON list of ids whose acknowledgements came
INVOKE, RECEIVED = "/invoke", "/invoke/received"
#: who accepts this gets each acknowledgement on a line of its own, anybody else one that holds everything
LINES = "application/x-ndjson"
#: headers of the answer: whose acknowledgements follow, and the message's place among those that came over HTTP
ACTIVATION, POSITION = "functions-activation-id", "functions-position"


@frozen
class InvokerAddress:
    """From an invoker to all controllers, every other second: there it takes activations over HTTP, or not any more."""

    instance: InvokerInstanceId
    host: str
    port: int
    leaving: bool = False

    def to_json(self) -> JsonObject:
        """`{name, host, port, leaving}`; `name` holds the instance, as in a ping."""
        return {"name": self.instance.to_json(), "host": self.host, "port": self.port, "leaving": self.leaving}

    @classmethod
    def from_json(cls, value: object) -> InvokerAddress:
        """Reads the object; a missing `leaving` means that it stays."""
        source = as_object(value)
        return cls(
            need(source, "name", InvokerInstanceId.from_json),
            need(source, "host", as_string),
            need(source, "port", as_int),
            maybe(source, "leaving", as_bool) or False,
        )
