"""Records for followers at a controller that does not keep them itself: it looks for new ones in the store."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable

from attrs import define, field

from owactors.actor.recordfollowers import RecordFollowers
from owactors.message.store import NoDocument, StoreError
from owactors.store.port import ActivationStore
from owactors.store.record import entry_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
#: records of one list, and lists of one look
AT_ONCE, PAGES = 200, 5
#: ids that are remembered as told
REMEMBERED = 20_000
#: seconds before the present in which records are looked for by their beginning
WINDOW = 600


@define(eq=False)
class RecordPolling:
    """One for a controller. It looks as long as somebody follows; `now` gives epoch milliseconds.

    Found are calls that began while they are followed, at most ten minutes ago, and those of which lines came.
    """

    activations: ActivationStore
    followers: RecordFollowers
    now: Callable[[], int]
    _since: dict[str, int] = field(factory=dict)
    _told: OrderedDict[tuple[str, str], None] = field(factory=OrderedDict)
    _task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Somebody follows."""
        for namespace in self.followers.namespaces:
            self._since.setdefault(namespace, self.now())
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_again())

    async def _look_again(self) -> None:
        while self.followers:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except StoreError as error:
                logger.info("records for followers cannot be looked for: %s", error)
        self._since.clear()

    async def look(self) -> None:
        """Once. StoreUnavailable."""
        self._since = {each: at for each, at in self._since.items() if each in self.followers.namespaces}
        for namespace in self.followers.namespaces:
            fresh = await self._fresh(namespace, self._since.setdefault(namespace, self.now()))
            await self._tell(namespace, reversed(fresh))
        running = [(namespace, key) for key, namespace in self.followers.running.items()]
        for namespace, key in running[:AT_ONCE]:
            await self._tell(namespace, (key,))

    async def _fresh(self, namespace: str, since: int) -> list[str]:
        """Ids that were not told, the newest first."""
        found: list[str] = []
        for page in range(PAGES):
            rows = await self.activations.list(
                namespace, since=max(since, self.now() - 1000 * WINDOW), skip=page * AT_ONCE, limit=AT_ONCE
            )
            fresh = [row["activationId"] for row in rows if (namespace, row["activationId"]) not in self._told]
            found += fresh
            if len(fresh) < AT_ONCE:
                break
        return found

    async def _tell(self, namespace: str, ids: Iterable[str]) -> None:
        for key in ids:
            if (namespace, key) not in self._told:
                try:
                    record = await self.activations.get(namespace, key)
                except NoDocument:
                    continue  # it still runs
                self._told[namespace, key] = None
                self.followers.kept([entry_of(record)])
            self.followers.running.pop(key, None)
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
