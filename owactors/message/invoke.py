"""What a controller and an invoker say over HTTP. (DigitalOcean's functions-invoker, its HTTP path.)"""

from __future__ import annotations

#: POST an activation message; POST a JSON list of ids whose acknowledgements came
INVOKE, RECEIVED = "/invoke", "/invoke/received"
#: who accepts this gets each acknowledgement on a line of its own, anybody else one that holds everything
LINES = "application/x-ndjson"
#: headers of the answer: whose acknowledgements follow, and the message's place among those that came over HTTP
ACTIVATION, POSITION = "functions-activation-id", "functions-position"
