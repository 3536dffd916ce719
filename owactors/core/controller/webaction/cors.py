"""The CORS headers web actions answer with unless the action answers for itself."""

from __future__ import annotations

from collections.abc import Iterable

METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH"
ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"

Headers = tuple[tuple[str, str], ...]


def cors_headers(requested: str | None = None) -> Headers:
    """The three headers; `requested` is the value of Access-Control-Request-Headers, echoed."""
    names = [name.strip() for name in (requested or "").split(",") if name.strip()]
    return (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", METHODS),
        ("Access-Control-Allow-Headers", ", ".join(names) or ALLOWED_HEADERS),
    )


def with_defaults(own: Iterable[tuple[str, str]], defaults: Headers) -> Headers:
    """`own` headers and those defaults which `own` does not set: a header twice would confuse a browser."""
    own = tuple(own)
    named = {name.lower() for name, _ in own}
    return tuple(header for header in defaults if header[0].lower() not in named) + own
