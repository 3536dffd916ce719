"""A store that another one has open, reached by messages that are pickled on their way."""

from __future__ import annotations

from typing import Any, cast

from owactors.actor.remotestore import ReachStore, RemoteStore, StoreMessenger
from owactors.actor.store import ServeStore, StoreActor
from owactors.store.port import Store
from tests.actor.store_world import World


class FarAway:
    """`store` is what a controller uses whose documents are in `kept`. Made in a running loop."""

    def __init__(self, kept: Store, controller: str = "two", world: World | None = None) -> None:
        self.world, self.kept = world or World(), kept
        self.store = RemoteStore("one", controller)
        if world is None:
            self.keeper = self.world.add("keeper", StoreActor())
            self.world.tell(self.keeper, ServeStore(kept))
        self.messenger = self.world.add(f"messenger {len(self.world.actors)}", StoreMessenger())
        self.world.tell(self.messenger, ReachStore(self.store, self.world.address("keeper")))


class _Closing:
    def __init__(self, far: FarAway) -> None:
        self._far = far

    def __getattr__(self, name: str) -> Any:
        return getattr(self._far.store, name)

    async def close(self) -> None:
        await self._far.store.close()
        self._far.world.close()
        await self._far.kept.close()


def far_away(kept: Store) -> Store:
    """As a store that closes everything."""
    return cast(Store, _Closing(FarAway(kept)))
