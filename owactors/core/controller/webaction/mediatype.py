"""Media types as web actions need them: parsed, and known to carry text or bytes.

A type nobody registered is taken for bytes unless it is `text/…` or names a charset
(as Pekko's registry, which OpenWhisk asks, does).
"""

from __future__ import annotations

import re

from attrs import frozen

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_TYPE = re.compile(rf"\s*({_TOKEN})/({_TOKEN})\s*((?:;.*)?)$", re.DOTALL)
_PARAMETER = re.compile(rf'\s*;\s*(?:({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|{_TOKEN}))?\s*')

FIXED_UTF8 = frozenset(
    "application/" + name
    for name in (
        "json",
        "json-patch+json",
        "merge-patch+json",
        "problem+json",
        "vnd.api+json",
        "json-seq",
    )
)
"""Text types whose charset is always UTF-8 and is never written."""

_TEXT_APPLICATIONS = frozenset(
    "application/" + name
    for name in (
        "atom+xml",
        "base64",
        "javascript",
        "problem+xml",
        "rss+xml",
        "soap+xml",
        "vnd.google-earth.kml+xml",
        "x-latex",
        "x-tex",
        "x-texinfo",
        "x-vrml",
        "x-www-form-urlencoded",
        "xhtml+xml",
        "xml",
        "xml-dtd",
    )
)


@frozen
class MediaType:
    """A parsed content type: `main`/`sub` in lower case, and the charset if one was named."""

    main: str
    sub: str
    charset: str | None = None

    @property
    def name(self) -> str:
        """`main/sub` without parameters."""
        return f"{self.main}/{self.sub}"

    @property
    def fixed_charset(self) -> bool:
        """True for JSON types, which are UTF-8 without saying so."""
        return self.name in FIXED_UTF8

    @property
    def is_text(self) -> bool:
        """True when a body of this type is text, false when it is bytes."""
        if self.main == "text" or self.fixed_charset or self.name in _TEXT_APPLICATIONS:
            return True
        return self.charset is not None and self.main == "application"

    @property
    def is_json(self) -> bool:
        """True for `application/json` and every `+json`."""
        return self.name == "application/json" or self.sub.endswith("+json")

    @property
    def as_header(self) -> str:
        """The header's value of an answer: text in a charset of its own says UTF-8."""
        if self.is_text and not self.fixed_charset and not self.is_json:
            return f"{self.name}; charset=UTF-8"
        return self.name


JSON = MediaType("application", "json")
HTML = MediaType("text", "html")
PLAIN = MediaType("text", "plain")
SVG = MediaType("image", "svg+xml")
FORM = MediaType("application", "x-www-form-urlencoded")
OCTETS = MediaType("application", "octet-stream")


def parse_media_type(text: str) -> MediaType | None:
    """Read a Content-Type value; None when it is not one."""
    match = _TYPE.match(text)
    if match is None:
        return None
    parameters = _parameters(match[3])
    if parameters is None:
        return None
    return MediaType(match[1].lower(), match[2].lower(), parameters.get("charset"))


def _parameters(text: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match.end() == position:
            return None
        if match[1]:
            found[match[1].lower()] = match[2].strip('"')
        position = match.end()
    return found
