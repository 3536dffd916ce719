"""What a controller and an invoker say over HTTP. (DigitalOcean's functions-invoker, its HTTP path.)"""

from __future__ import annotations

#: POST an activation message; POST a JSON list of ids whose acknowledgements came
INVOKE, RECEIVED = "/invoke", "/invoke/received"
#: who accepts this gets each acknowledgement on a line of its own, anybody else one that holds everything
LINES = "application/x-ndjson"
#: headers of the answer: whose acknowledgements follow, and the message's place among those that came over HTTP
ACTIVATION, POSITION = "functions-activation-id", "functions-position"
#: the end of an activation message on a topic that the invoker may have over HTTP already; nobody else may run it
_SENT_BEFORE = b',"sentBefore":true}'


def sent_before(payload: bytes) -> bytes:
    """The same activation message, a JSON object, with a mark as its last field."""
    return payload[:-1] + _SENT_BEFORE if payload.endswith(b"}") else payload


def was_sent_before(payload: bytes) -> bool:
    """Whether it has the mark."""
    return payload.endswith(_SENT_BEFORE)
