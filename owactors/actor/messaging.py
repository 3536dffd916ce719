"""The messaging provider of this process, for actors that were given its settings instead of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from owactors.connector.port import MessagingProvider

Build = Callable[[Any], MessagingProvider]


class Messagings:
    """One provider per settings value. `build` is set once by whoever composes the process."""

    def __init__(self, build: Build | None = None) -> None:
        self.build = build
        #: seconds between two looks at how far a feed is behind
        self.lag_interval = 60.0
        self._made: list[tuple[Any, MessagingProvider]] = []

    def get(self, settings: Any) -> MessagingProvider:
        """The provider for these settings."""
        for known, provider in self._made:
            if known == settings:
                return provider
        if self.build is None:
            raise RuntimeError("this process does not know how to reach a broker")
        provider = self.build(settings)
        self._made.append((settings, provider))
        return provider

    async def close(self) -> None:
        """Closes every producer and consumer of this process."""
        made, self._made = self._made, []
        for _, provider in made:
            await provider.close()


#: of this process
MESSAGING = Messagings()
