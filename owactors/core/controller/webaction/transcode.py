"""An activation's result written in the form the extension asks for (OpenWhisk, WebActions.scala)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from owactors.core.controller.webaction.answer import (
    ONLY_AVAILABLE_AS,
    PROCESSING_ERROR,
    PROPERTY_NOT_FOUND,
    WebAnswer,
    WebRefusal,
    invalid_media,
)
from owactors.core.controller.webaction.extension import Extension
from owactors.core.controller.webaction.httpresult import http_answer
from owactors.core.controller.webaction.mediatype import HTML, JSON, PLAIN, SVG, MediaType
from owactors.core.controller.webaction.negotiation import acceptable
from owactors.core.controller.webaction.prettyjson import pretty

_ABSENT = object()

SUCCESS, APPLICATION_ERROR = 0, 1


def web_answer(extension: Extension, status_code: int, result: Any) -> WebAnswer | WebRefusal:
    """Answer for an activation that ended with `status_code` (0 to 3) and `result`.

    Of an application error only the value of `error` is shown, written as a success would be;
    what went wrong in the action's code or in the platform is not shown to strangers.
    """
    if status_code == SUCCESS:
        return _WRITERS[extension](result)
    if status_code != APPLICATION_ERROR:
        return WebRefusal(400, PROCESSING_ERROR)
    if not isinstance(result, dict) or "error" not in result:
        return WebRefusal(404, PROPERTY_NOT_FOUND)
    return _WRITERS[extension](result["error"])


def negotiated(answer: WebAnswer | WebRefusal, accept: Iterable[str]) -> WebAnswer | WebRefusal:
    """406 instead of an answer the caller's `Accept` values do not allow."""
    if isinstance(answer, WebAnswer) and answer.media and not acceptable(answer.media, accept):
        return WebRefusal(406, ONLY_AVAILABLE_AS.format(answer.media.as_header))
    return answer


def _as_json(result: Any) -> WebAnswer | WebRefusal:
    if not isinstance(result, dict | list):
        return invalid_media(JSON.name)
    return WebAnswer(200, (), JSON, pretty(result).encode())


def _as_html(result: Any) -> WebAnswer | WebRefusal:
    return _string(result, "html", HTML)


def _as_svg(result: Any) -> WebAnswer | WebRefusal:
    return _string(result, "svg", SVG)


def _string(result: Any, key: str, media: MediaType) -> WebAnswer | WebRefusal:
    value = _property(result, key)
    if not isinstance(value, str):
        return invalid_media(media.name)
    return WebAnswer(200, (), media, value.encode())


def _as_text(result: Any) -> WebAnswer | WebRefusal:
    value = _property(result, "text")
    if value is _ABSENT:
        return WebRefusal(404, PROPERTY_NOT_FOUND)
    return WebAnswer(200, (), PLAIN, _plain(value).encode())


def _property(result: Any, key: str) -> Any:
    """The result itself, or of an object the member `body`, then `key`."""
    if not isinstance(result, dict):
        return result
    return result.get("body", result.get(key, _ABSENT))


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return pretty(value) if isinstance(value, dict | list) else json.dumps(value)


_WRITERS: dict[Extension, Callable[[Any], WebAnswer | WebRefusal]] = {
    Extension.HTTP: http_answer,
    Extension.JSON: _as_json,
    Extension.HTML: _as_html,
    Extension.SVG: _as_svg,
    Extension.TEXT: _as_text,
}
