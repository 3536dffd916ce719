"""How far a pull has come, in words for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

DONE = frozenset({"Pull complete", "Already exists"})
MB = 1_000_000


@define
class PullProgress:
    """Takes the engine's lines `{id, status, progressDetail: {current, total}}` one by one."""

    _layers: dict[str, str] = field(factory=dict)
    _sizes: dict[str, tuple[int, int]] = field(factory=dict)

    def take(self, line: Mapping[str, Any]) -> None:
        """One line; lines that are about no layer change nothing."""
        layer, status = line.get("id"), line.get("status", "")
        detail = line.get("progressDetail")
        if not layer or detail is None:
            return
        self._layers[layer] = status
        if status == "Downloading" and detail.get("total"):
            self._sizes[layer] = (int(detail.get("current", 0)), int(detail["total"]))
        elif layer in self._sizes:
            total = self._sizes[layer][1]
            self._sizes[layer] = (total, total)

    def __bool__(self) -> bool:
        return bool(self._layers)

    def __str__(self) -> str:
        if not self._layers:
            return "no layer so far"
        done = sum(status in DONE for status in self._layers.values())
        text = f"{done} of {len(self._layers)} layers"
        if not self._sizes:
            return text
        have, total = (sum(column) for column in zip(*self._sizes.values(), strict=True))
        return f"{text}, {have / MB:.0f} of {total / MB:.0f} MB downloaded"
