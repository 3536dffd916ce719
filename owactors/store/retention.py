"""Old activation records go: by age, and by size per namespace. A little at a time, beside everything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from attrs import define, field, frozen

from owactors.message.store import NamespaceUsage, StoreError
from owactors.store.clock import wall_clock
from owactors.store.port import ActivationStore

log = logging.getLogger(__name__)

_DAY = 24 * 60 * 60


@frozen
class RetentionSettings:
    """How long records stay. Zero switches a bound off."""

    #: seconds since the activation's start
    max_age: float = 7 * _DAY
    #: bytes of records of one namespace
    max_bytes: int = 1024**3
    #: seconds between two rounds
    interval: float = 60.0
    #: records removed at once; between two steps others get their turn
    step: int = 200
    #: seconds between two steps
    pause: float = 0.05


@frozen
class Upkeep:
    """What upkeep has done since the start, for status pages. Times are epoch milliseconds."""

    rounds: int = 0
    removed_by_age: int = 0
    removed_by_size: int = 0
    last_round: int | None = None
    #: why the last round failed; None: it did not
    trouble: str | None = None
    usage: tuple[NamespaceUsage, ...] = ()


@define
class Retention:
    """Keeps the records of a store within bounds: `run` for ever, or `round` once."""

    activations: ActivationStore
    settings: RetentionSettings = RetentionSettings()
    now: Callable[[], int] = wall_clock
    _by_age: int = 0
    _by_size: int = 0
    upkeep: Upkeep = field(default=Upkeep(), init=False)

    async def run(self) -> None:
        """A round each `interval`, until cancelled. Trouble with the store is reported and outlived."""
        while True:
            await self.round()
            await asyncio.sleep(self.settings.interval)

    async def round(self) -> Upkeep:
        """Removes what is too old or too much in every namespace."""
        usage, trouble = self.upkeep.usage, None
        try:
            for one in await self.activations.usage():
                await self._tidy(one.namespace)
            usage = await self.activations.usage()
        except StoreError as error:
            trouble = str(error)
        self._report(usage, trouble)
        return self.upkeep

    async def _tidy(self, namespace: str) -> None:
        if self.settings.max_age:
            oldest = self.now() - round(self.settings.max_age * 1000)
            while await self._step_by_age(namespace, oldest):
                pass
        if self.settings.max_bytes:
            while await self._step_by_size(namespace):
                pass

    async def _step_by_age(self, namespace: str, oldest: int) -> bool:
        """True if there may be more to remove."""
        removed = await self.activations.remove_before(namespace, oldest, self.settings.step)
        self._by_age += removed
        await asyncio.sleep(self.settings.pause if removed else 0)
        return removed == self.settings.step

    async def _step_by_size(self, namespace: str) -> bool:
        """True if there may be more to remove."""
        surplus = await self._bytes_of(namespace) - self.settings.max_bytes
        if surplus <= 0:
            return False
        removed = await self.activations.remove_oldest(namespace, surplus, self.settings.step)
        self._by_size += removed
        await asyncio.sleep(self.settings.pause if removed else 0)
        return removed > 0

    async def _bytes_of(self, namespace: str) -> int:
        usage = await self.activations.usage()
        return next((one.bytes for one in usage if one.namespace == namespace), 0)

    def _report(self, usage: tuple[NamespaceUsage, ...], trouble: str | None) -> None:
        before = self.upkeep
        if trouble is not None and trouble != before.trouble:
            log.warning("old activation records cannot be removed: %s", trouble)
        removed = self._by_age + self._by_size - before.removed_by_age - before.removed_by_size
        if removed:
            log.info("removed %d old activation records", removed)
        self.upkeep = Upkeep(before.rounds + 1, self._by_age, self._by_size, self.now(), trouble, usage)
