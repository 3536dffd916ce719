"""What the operator wants of each host (`owactors.message.host.Wanted`), kept in the store that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from owactors.message.host import Wanted
from owactors.message.store import DocumentConflict, NoDocument
from owactors.store.port import EntityStore

#: no entity can have this id, since it is no path
DOCUMENT = "owactors.hosts"


def wanted_of(document: Mapping[str, Any], name: str) -> Wanted:
    """What this document says of the host; enabled if nothing."""
    try:
        return Wanted(document.get("wanted", {}).get(name, Wanted.ENABLED.value))
    except ValueError:
        return Wanted.ENABLED


async def want(entities: EntityStore, name: str, wanted: Wanted) -> None:
    """From now on. StoreUnavailable."""
    while True:
        document = await _document(entities)
        orders = {key: value for key, value in document["wanted"].items() if key != name}
        if wanted is not Wanted.ENABLED:
            orders[name] = wanted.value
        if orders == document["wanted"]:
            return
        try:
            await entities.put({**document, "wanted": orders})
        except DocumentConflict:
            continue  # another order was given at the same time
        return


async def _document(entities: EntityStore) -> dict[str, Any]:
    try:
        return await entities.get(DOCUMENT)
    except NoDocument:
        return {"_id": DOCUMENT, "wanted": {}}
