"""Numbers of invokers, kept in the store that all of them share: who starts with a name gets its number again."""

from __future__ import annotations

from owactors.core.invoker.instanceids import assigned
from owactors.message.store import DocumentConflict, NoDocument
from owactors.store.port import EntityStore, Json

#: no entity can have this id, since it is no path
DOCUMENT = "owactors.invokers"


async def instance_id(entities: EntityStore, name: str, overwrite: int | None = None) -> int:
    """The number of the invoker of this name. ValueError, StoreUnavailable."""
    while True:
        document = await _document(entities)
        numbers = assigned(document["numbers"], name, overwrite)
        if numbers == document["numbers"]:
            return numbers[name]
        try:
            await entities.put({**document, "numbers": numbers})
        except DocumentConflict:
            continue  # another one was assigned at the same time
        return numbers[name]


async def _document(entities: EntityStore) -> Json:
    try:
        return await entities.get(DOCUMENT)
    except NoDocument:
        return {"_id": DOCUMENT, "numbers": {}}
