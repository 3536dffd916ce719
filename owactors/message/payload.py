"""The bytes of a message on a topic: JSON, its keys in the order in which OpenWhisk writes them."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import orjson

from owactors.entity.jsonfields import JsonObject

#: the fast reader makes a float of a whole number beyond 64 bits; so many digits may be one
_LONG = b"0" * 19
_ONLY_DIGITS = bytes(ord("0") if ord("0") <= byte <= ord("9") else ord(" ") for byte in range(256))
#: of a surrogate pair
_HALF = re.compile("[\ud800-\udfff]")
_OPEN, _COLON, _NEXT = re.compile(r"\s*\{\s*"), re.compile(r"\s*:\s*"), re.compile(r"\s*,\s*")
#: objects within objects in which `leading_fields` looks for more
_DEEPEST = 3


def to_payload(value: Any) -> bytes:
    """The bytes of a message."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number beyond 64 bits, half a surrogate pair, more than 254 levels
        return "".join(_pieces(value, in_order=True)).encode()


def json_bytes(value: Any) -> bytes:
    """JSON of any value, its fields as they are."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return "".join(_pieces(value, in_order=False)).encode()


def _pieces(value: Any, *, in_order: bool) -> Iterator[str]:
    """The parts of the text; what is still to be written is kept in a list, so that depth costs no stack."""
    todo: list[tuple[bool, Any]] = [(False, value)]
    while todo:
        written, part = todo.pop()
        if written:
            yield part
        elif isinstance(part, dict):
            todo.append((True, "}"))
            for number, name in enumerate(sorted(part, reverse=True) if in_order else reversed(part), 1):
                comma = "," if number < len(part) else ""
                todo += [(False, part[name]), (True, f"{comma}{_text(name)}:")]
            todo.append((True, "{"))
        elif isinstance(part, list | tuple):
            todo.append((True, "]"))
            for number, each in enumerate(reversed(part), 1):
                todo += [(False, each), (True, "," if number < len(part) else "")]
            todo.append((True, "["))
        else:
            yield _text(part)


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _HALF.search(text) else text


def from_payload(payload: bytes) -> Any:
    """The JSON value in these bytes, whole numbers exactly. ValueError says why there is none."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _slowly(payload)
    if _LONG not in payload.translate(_ONLY_DIGITS):
        return value
    try:
        return _slowly(payload)
    except ValueError:
        return value


def _slowly(payload: bytes) -> Any:
    """What the fast reader refuses: half surrogate pairs, numbers of any size."""
    try:
        return json.loads(payload.decode(), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    """OpenWhisk's numbers have no largest one; the nearest is taken for what is beyond."""
    number = float(text)
    return math.copysign(sys.float_info.max, number) if math.isinf(number) else number


_NOTHING: Any = object()
_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def leading_fields(payload: bytes) -> JsonObject:
    """What can be read of an object that breaks off somewhere, or that something else follows."""
    return _leading(payload.decode("utf-8", "replace"), 0, _DEEPEST)


def _leading(text: str, at: int, levels: int) -> JsonObject:
    found: JsonObject = {}
    more = _OPEN.match(text, at) if levels else None
    while more is not None:
        name, at = _decoded(text, more.end())
        colon = _COLON.match(text, at)
        if not isinstance(name, str) or colon is None:
            break
        value, at = _decoded(text, colon.end())
        if value is _NOTHING:
            value = _leading(text, colon.end(), levels - 1) or _NOTHING
        if value is not _NOTHING:
            found[name] = value
        more = _NEXT.match(text, at)
    return found


def _decoded(text: str, at: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends; _NOTHING and the end of the text if none does."""
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return _NOTHING, len(text)
