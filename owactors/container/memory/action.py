"""An action as a function of this process, answering /init and /run the way the Python proxy does."""

from __future__ import annotations

import asyncio
import inspect
import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

Function = Callable[[Any], Any]
Answer = tuple[int, dict[str, Any] | list[Any] | bytes]


class ContainerDied(Exception):
    """Raised by a function to play a container whose process ends without an answer."""


class MemoryGone(Exception):
    """Raised by a function to play a container that was killed because of its memory limit."""


@define
class MemoryAction:
    """`functions`: by action name, used before any code. `write(stream, text)` takes what the action prints."""

    functions: Mapping[str, Function]
    write: Callable[[int, str], None]
    environment: dict[str, str] = field(factory=dict)
    _function: Function | None = None

    def init(self, body: Mapping[str, Any]) -> Answer:
        """The answer of /init."""
        value = body.get("value") or {}
        if self._function is not None:
            return 403, {"error": "Cannot initialize the action more than once."}
        self.environment.update({k: _text(v) for k, v in (value.get("env") or {}).items()})
        self._function = self.functions.get(value.get("name", ""))
        if self._function is None:
            return self._from_code(value)
        return 200, {"ok": True}

    async def run(self, body: Mapping[str, Any]) -> Answer:
        """The answer of /run."""
        if self._function is None:
            return 500, {"error": "no action defined yet"}
        self.environment.update({f"__OW_{k.upper()}": _text(v) for k, v in body.items() if k != "value"})
        try:
            result = await self._call(self._function, body.get("value", {}))
        except (ContainerDied, MemoryGone, MemoryError):
            raise
        except Exception as error:
            self.write(1, traceback.format_exc())
            return 200, {"error": str(error)}
        return _answer(result)

    async def _call(self, function: Function, value: Any) -> Any:
        if inspect.iscoroutinefunction(function):
            return await function(value)
        return await asyncio.to_thread(function, value)

    def _from_code(self, value: Mapping[str, Any]) -> Answer:
        code, main = value.get("code"), value.get("main") or "main"
        if not code:
            return 403, {"error": "Missing main/no code to execute."}
        namespace: dict[str, Any] = {"__name__": "main__", "print": self._print}
        try:
            exec(compile(code, "main__.py", "exec"), namespace)
            self._function = namespace[main]
        except Exception as error:
            self.write(1, traceback.format_exc())
            return 502, {"error": f"Cannot start action. Check logs for details. ({error})"}
        return 200, {"ok": True}

    def _print(self, *values: Any, sep: str = " ", end: str = "\n", file: Any = None, flush: bool = False) -> None:
        """Stands in for `print` in the action's module; a `file` means stderr."""
        self.write(0 if file is None else 1, sep.join(map(str, values)) + end)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _answer(result: Any) -> Answer:
    if not isinstance(result, dict | list):
        return 502, {"error": "The action did not return a dictionary or array."}
    try:
        return 200, json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        return 502, {"error": f"The action did not return a dictionary or array. ({error})"}
