"""How a Docker engine refuses."""

from __future__ import annotations


class EngineError(Exception):
    """The engine refused: its HTTP `status` (0: it did not answer) and its words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
