"""The extensions of a web action's name, which choose the form of the answer."""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Extension(Enum):
    """`.http` is also what a name without an extension means."""

    HTTP = ".http"
    JSON = ".json"
    HTML = ".html"
    SVG = ".svg"
    TEXT = ".text"


@frozen
class WebTarget:
    """An action's name and the form its answer takes."""

    name: str
    extension: Extension


def web_target(segment: str) -> WebTarget:
    """Split `name.ext`; an unknown extension belongs to the name (and is then found nowhere)."""
    for extension in Extension:
        if segment.endswith(extension.value):
            return WebTarget(segment[: -len(extension.value)], extension)
    return WebTarget(segment, Extension.HTTP)
