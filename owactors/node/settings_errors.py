"""Why settings are refused: one sentence with the place, the key, the value and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class SettingsError(Exception):
    """Base: the settings cannot be used; the node does not start. The user mends the place named."""


class UnknownSetting(SettingsError):
    """A key that does not exist. `key` is "section.key" or the variable's name."""

    def __init__(self, where: str, key: str, known: Iterable[str]) -> None:
        guesses = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
        hint = f" Did you mean {guesses[0]}?" if guesses else " `owactors config` lists all there are."
        super().__init__(f"{where}: there is no setting {key}.{hint}")
        self.where, self.key, self.guess = where, key, guesses[0] if guesses else None


class BadSetting(SettingsError):
    """A value that does not fit. `expected` completes "expected …"."""

    def __init__(self, where: str, key: str, value: Any, expected: str) -> None:
        super().__init__(f"{where}: {key} is {value!r}, expected {expected}.")
        self.where, self.key, self.value, self.expected = where, key, value, expected


class UnreadableSettings(SettingsError):
    """A settings file that is missing, unreadable or not TOML."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}.")
        self.where, self.reason = where, reason
