"""Whether an answer's type is one the caller's `Accept` header allows."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from owactors.core.controller.webaction.mediatype import MediaType


@frozen
class _Range:
    main: str
    sub: str
    quality: float

    @property
    def specificity(self) -> int:
        return (self.main != "*") + (self.sub != "*")

    def covers(self, media: MediaType) -> bool:
        return self.main in ("*", media.main) and self.sub in ("*", media.sub)


def acceptable(media: MediaType, accept: Iterable[str]) -> bool:
    """True when one of the `Accept` values (each may hold a list) allows `media`.

    No header, or none that can be read, allows everything. The most specific range that covers
    the type decides; quality 0 refuses.
    """
    ranges = [found for value in accept for part in value.split(",") if (found := _range(part))]
    if not ranges:
        return True
    covering = [r for r in ranges if r.covers(media)]
    return bool(covering) and max(covering, key=lambda r: r.specificity).quality > 0


def _range(text: str) -> _Range | None:
    name, *parameters = [part.strip() for part in text.split(";")]
    main, slash, sub = name.lower().partition("/")
    if not (main and slash and sub):
        return _Range("*", "*", _quality(parameters)) if name == "*" else None
    return _Range(main, sub, _quality(parameters))


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0
