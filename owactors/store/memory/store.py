"""The three databases in memory."""

from __future__ import annotations

from attrs import Factory, define

from owactors.store.entities import Entities
from owactors.store.memory.activations import MemoryActivations
from owactors.store.memory.documents import MemoryDocuments
from owactors.store.subjects import Subjects
from owactors.store.views import entity_rows, subject_rows


def _entities() -> Entities:
    return Entities(MemoryDocuments(entity_rows))


def _subjects() -> Subjects:
    return Subjects(MemoryDocuments(subject_rows))


@define
class MemoryStore:
    """A Store (see `port`) that lives as long as its process."""

    entities: Entities = Factory(_entities)
    subjects: Subjects = Factory(_subjects)
    activations: MemoryActivations = Factory(MemoryActivations)

    @property
    def trouble(self) -> str | None:
        """Never any."""
        return None

    async def close(self) -> None:
        """Nothing to close."""

    def close_now(self) -> None:
        """Nothing to close."""
