"""The arguments of an activation: unlock the encrypted ones, part those for /init from those for /run.

(OpenWhisk, ContainerProxy.scala, partitionArguments; ParameterEncryption.scala.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

Unlock = Callable[[str], Any]
"""From a locked value's text to the JSON value inside; ValueError when the key does not fit."""


class ArgumentLocked(Exception):
    """An encrypted argument could not be opened with the key this invoker has."""

    def __init__(self, name: str, algorithm: str) -> None:
        super().__init__(f"parameter {name!r} could not be unlocked with this invoker's {algorithm} key")


def partition_arguments(content: Any, init_args: Collection[str]) -> tuple[dict[str, Any], Any]:
    """(environment of /init, arguments of /run). Nothing gives ({}, {}); an array goes to /run as a whole."""
    if content is None:
        return {}, {}
    if not init_args or not isinstance(content, dict):
        return {}, content
    environment = {name: value for name, value in content.items() if name in init_args}
    return environment, {name: value for name, value in content.items() if name not in init_args}


def unlock_arguments(content: Any, locked: Mapping[str, str], unlocks: Mapping[str, Unlock]) -> Any:
    """`content` with its locked texts opened. Algorithms without an entry in `unlocks` leave theirs as they are.

    Raises ArgumentLocked.
    """
    if not locked or not isinstance(content, dict):
        return content
    return {name: _unlocked(name, value, locked.get(name), unlocks) for name, value in content.items()}


def _unlocked(name: str, value: Any, algorithm: str | None, unlocks: Mapping[str, Unlock]) -> Any:
    if algorithm is None or algorithm not in unlocks or not isinstance(value, str):
        return value
    try:
        return unlocks[algorithm](value)
    except ValueError:
        raise ArgumentLocked(name, algorithm) from None
