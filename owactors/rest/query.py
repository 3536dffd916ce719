"""Query parameters. A value of the wrong form is refused with 400 and the words of the original."""

from __future__ import annotations

from owactors.core.controller import messages
from owactors.core.controller.limitcheck import SystemLimits
from owactors.core.controller.rejection import malformed_query
from owactors.entity.names import EntityPath
from owactors.rest.request import Request

_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


def boolean(request: Request, name: str, default: bool = False) -> bool:
    """`true`/`false`, `1`/`0`, `yes`/`no`, `on`/`off` in any case."""
    value = request.query(name)
    if not value:
        return default
    text = value.lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise malformed_query(name, f"'{value}' is not a valid Boolean value")


def _integer(value: str) -> int | None:
    digits = value[1:] if value[:1] in ("-", "+") else value
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(value)
    return number if -(2**31) <= number < 2**31 else None


def list_skip(request: Request, collection: str) -> int:
    """`skip`, by default 0."""
    value = request.query("skip")
    if value is None:
        return 0
    number = _integer(value)
    if number is None:
        raise malformed_query("skip", messages.not_an_integer(collection, value))
    if number < 0:
        raise malformed_query("skip", messages.skip_out_of_range(collection, number))
    return number


def list_limit(request: Request, collection: str, system: SystemLimits) -> int:
    """`limit`; 0 stands for the largest that is allowed."""
    value = request.query("limit")
    if value is None:
        return system.default_list
    number = _integer(value)
    if number is None:
        raise malformed_query("limit", messages.not_an_integer(collection, value))
    if not 0 <= number <= system.max_list:
        raise malformed_query("limit", messages.limit_out_of_range(collection, number, system.max_list))
    return number or system.max_list


def wait_seconds(request: Request, most: float) -> float:
    """`timeout` (in milliseconds) as seconds, by default the longest wait."""
    value = request.query("timeout")
    if value is None:
        return most
    number = _integer(value)
    if number is None or not 0 < number <= most * 1000:
        raise malformed_query("timeout", messages.invalid_timeout(int(most * 1000)))
    return number / 1000


def epoch_ms(request: Request, name: str) -> int | None:
    """`since`, `upto`: epoch milliseconds."""
    value = request.query(name)
    if value is None:
        return None
    try:
        number = int(value)
    except ValueError:
        raise malformed_query(name, messages.bad_epoch(value)) from None
    if not -(2**63) <= number < 2**63:
        raise malformed_query(name, messages.bad_epoch(value))
    return number


def name_filter(request: Request) -> str | None:
    """`name` of activation lists: `action` or `package/action`."""
    value = request.query("name")
    if value is None or not value.strip():
        return None
    try:
        path = EntityPath(value)
    except ValueError:
        raise malformed_query("name", messages.bad_name_filter(value)) from None
    if len(path.segments) > 2:
        raise malformed_query("name", messages.bad_name_filter(value))
    return path.text
