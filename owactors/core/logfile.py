"""What a log file says of an activation: a JSON object a line, its log lines first, its record last.

The fields of a log line are those of Docker's own log files, and whose line it is. (OpenWhisk,
DockerToActivationFileLogStore.scala.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from owactors.core.logs import TIME_COLUMNS
from owactors.entity.activation import WhiskActivation
from owactors.message.payload import from_payload, json_bytes

Json = dict[str, Any]


def file_text(record: WhiskActivation, lines: tuple[str, ...], namespace_id: str) -> bytes:
    """The lines of the file; `lines` as in a record, `namespace_id` that of the namespace that invoked."""
    whose = {
        "activationId": record.activation_id,
        "action": record.annotations.get("path", record.name),
        "namespace": record.namespace,
        "namespaceId": namespace_id,
    }
    entries = [{**_docker_line(line), **whose} for line in lines]
    entries.append({**record.to_json(), "namespaceId": namespace_id})
    return b"".join(json_bytes(entry) + b"\n" for entry in entries)


def _docker_line(line: str) -> Json:
    stream, _, text = line[TIME_COLUMNS + 1 :].partition(": ")
    return {"time": line[:TIME_COLUMNS].rstrip(), "stream": stream, "log": text + "\n"}


def mark_of(activation_id: str) -> bytes:
    """What every line of the activation holds; no text that an action prints can look like it."""
    return b'"activationId":' + orjson.dumps(activation_id)


def lines_in(entries: Iterator[bytes]) -> tuple[str, ...]:
    """The log lines, as in a record, that these lines of a file have; the record itself is left out."""
    found = [from_payload(entry) for entry in entries]
    return tuple(_line_of(entry) for entry in found if "stream" in entry)


def _line_of(entry: Json) -> str:
    return f"{entry['time']:<{TIME_COLUMNS}} {entry['stream']}: {entry['log'].removesuffix(chr(10))}"
