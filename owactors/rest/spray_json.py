"""Reads JSON bodies; what is wrong with a malformed one is said in the words clients of OpenWhisk know.

Good bodies are read as the messages on topics are. Only a body that is refused is walked a second time, by a
recogniser of spray-json's grammar (spray-json, JsonParser.scala) that finds the place and the text of the error.
Indices count bytes; bytes that are no UTF-8 read as U+FFFD, as there.
"""

from __future__ import annotations

from typing import Any

from owactors.message.payload import from_payload

MAX_DEPTH = 1000
_TOO_DEEP = (
    "JSON input nested too deeply:JSON input was nested more deeply than the configured limit "
    f"of maxNesting = {MAX_DEPTH}"
)
_CLOSERS = {ord("{"): "}", ord("["): "]"}
_END = -1
_WHITESPACE = frozenset(b" \t\r\n")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_ESCAPES = frozenset(b'"/\\bfnrt')


class ParsingError(ValueError):
    """The text is not JSON; the message is the one to show."""


def parse(body: bytes) -> Any:
    """The JSON value of `body`. ParsingError with position and expectation if it has none."""
    try:
        return from_payload(body)
    except ValueError:
        repaired = body.decode("utf-8", "replace").encode()
        _Recogniser(repaired).check()
        return _leniently(repaired)


def _leniently(body: bytes) -> Any:
    try:
        return from_payload(body)
    except ValueError as cause:
        raise ParsingError(str(cause)) from cause


class _Recogniser:
    """Walks the text by spray-json's rules and raises where it would."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def check(self) -> None:
        self._skip()
        self._value()
        if self._now() != _END:
            self._fail("end-of-input")

    def _now(self) -> int:
        return self.body[self.at] if self.at < len(self.body) else _END

    def _skip(self) -> None:
        while self._now() in _WHITESPACE:
            self.at += 1

    def _take(self, char: str) -> bool:
        if self._now() == ord(char):
            self.at += 1
            return True
        return False

    def _require(self, char: str) -> None:
        if not self._take(char):
            self._fail(f"'{char}'")

    def _value(self) -> None:
        """A value with all that is in it; what is open is kept in a list, so that depth costs no stack."""
        closers: list[str] = []
        while True:
            if self._enter(closers):
                continue
            while closers and not self._another(closers[-1]):
                self._require(closers.pop())
                self._skip()
            if not closers:
                return

    def _enter(self, closers: list[str]) -> bool:
        """Begins a value: True if it is an object or array with something in it, else it is read whole."""
        closer = _CLOSERS.get(self._now())
        if closer is None:
            self._scalar()
            return False
        if len(closers) == MAX_DEPTH:
            raise ParsingError(_TOO_DEEP)
        self.at += 1
        self._skip()
        if self._take(closer):
            self._skip()
            return False
        closers.append(closer)
        self._key(closer)
        return True

    def _another(self, closer: str) -> bool:
        """True after a comma: one more element, or one more member, whose key is read."""
        if not self._take(","):
            return False
        self._skip()
        self._key(closer)
        return True

    def _key(self, closer: str) -> None:
        if closer == "}":
            self._string()
            self._require(":")
            self._skip()

    def _scalar(self) -> None:
        now = self._now()
        if now == ord('"'):
            self._string()
        elif now in _DIGITS or now == ord("-"):
            self._number()
        else:
            self._word()

    def _word(self) -> None:
        mark = self.at
        for word in (b"false", b"null", b"true"):
            if self._now() == word[0]:
                while self.at - mark < len(word) and self._now() == word[self.at - mark]:
                    self.at += 1
                if self.at - mark == len(word):
                    return self._skip()
                return self._fail("JSON Value", mark)
        return self._fail("JSON Value")

    def _number(self) -> None:
        self._take("-")
        if not self._take("0"):
            self._digits()
        if self._take("."):
            self._digits()
        if self._take("e") or self._take("E"):
            if not self._take("-"):
                self._take("+")
            self._digits()
        self._skip()

    def _digits(self) -> None:
        if self._now() not in _DIGITS:
            self._fail("DIGIT")
        while self._now() in _DIGITS:
            self.at += 1

    def _string(self) -> None:
        self._require('"')
        while (now := self._now()) not in (_END, ord('"')) and now >= 0x20:
            self.at += 1
            if now == ord("\\"):
                self._escape()
        self._require('"')
        self._skip()

    def _escape(self) -> None:
        now = self._now()
        if now in _ESCAPES:
            self.at += 1
        elif self._take("u"):
            for _ in range(4):
                if self._now() not in _HEX:
                    self._fail("hex digit")
                self.at += 1
        else:
            self._fail("JSON escape sequence")

    def _fail(self, expected: str, mark: int | None = None) -> None:
        cursor = self.at if mark is None else mark
        line_start = self.body.rfind(b"\n", 0, cursor) + 1
        line_end = self.body.find(b"\n", cursor)
        line = self.body[line_start : len(self.body) if line_end < 0 else line_end].decode("utf-8", "replace")
        number = self.body.count(b"\n", 0, cursor) + 1
        column = cursor - line_start + 1
        shown = "".join("?" if _is_control(c) else c for c in line)
        raise ParsingError(
            f"Unexpected {self._unexpected()} at input index {cursor} (line {number}, position {column}), "
            f"expected {expected}:\n{shown}\n{' ' * (column - 1)}^\n"
        )

    def _unexpected(self) -> str:
        if self.at >= len(self.body):
            return "end-of-input"
        char = self.body[self.at : self.at + 4].decode("utf-8", "ignore")[:1]
        return f"character '\\u{ord(char):04x}'" if _is_control(char) else f"character '{char}'"


def _is_control(char: str) -> bool:
    code = ord(char)
    return code < 0x20 or 0x7F <= code <= 0x9F
