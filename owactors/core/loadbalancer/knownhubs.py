"""The hubs of a cluster without a broker, as one process knows them: whoever is asked tells all that it knows.

Times in seconds of this process's clock; what others say carries how long ago it was heard.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from owactors.message.bus import HubPlace

#: silence after which a controller has no hub any more
HUB_SECONDS = 10.0


@define
class KnownHubs:
    """By controller id. The place that was heard of last is the one that holds."""

    _known: dict[str, tuple[HubPlace, float]] = field(factory=dict)

    def heard(self, controller: str, place: HubPlace, now: float, age: float = 0.0) -> None:
        """The controller was there `age` seconds ago."""
        known = self._known.get(controller)
        if known is None or known[1] <= now - age:
            self._known[controller] = (place, now - age)

    def told(self, hubs: Mapping[str, tuple[HubPlace, float]], now: float) -> None:
        """What another process knows, with ages."""
        for controller, (place, age) in hubs.items():
            self.heard(controller, place, now, age)

    def there(self, now: float) -> dict[str, tuple[HubPlace, float]]:
        """Those that were heard of not long ago, with their ages; the others are forgotten."""
        self._known = {name: known for name, known in self._known.items() if now - known[1] < HUB_SECONDS}
        return {name: (place, now - heard) for name, (place, heard) in self._known.items()}
