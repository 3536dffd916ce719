"""The number of an invoker that reaches the CouchDB itself."""

from __future__ import annotations

import asyncio

from owactors.message.store import StoreUnavailable
from owactors.node.folder import Keys
from owactors.node.settings import Settings
from owactors.node.system import CannotStart
from owactors.node.wiring_stores import couch_settings
from owactors.store.instanceids import instance_id
from owactors.store.open import open_store


def number_of(settings: Settings, keys: Keys) -> int:
    """The one given, else the one that the CouchDB has for the name; without keys an order is only tried.

    ValueError, CannotStart.
    """
    invoker = settings.invoker
    if invoker.id >= 0:
        return invoker.id
    if not invoker.unique_name:
        raise ValueError("an invoker needs a number (--id) or a lasting name (--unique-name).")
    return asyncio.run(_number_of_name(settings)) if keys.admin else 0


async def _number_of_name(settings: Settings) -> int:
    invoker = settings.invoker
    try:
        store = open_store("couchdb", settings.node.data_dir, couch_settings(settings))
        try:
            overwrite = None if invoker.overwrite_id < 0 else invoker.overwrite_id
            return await instance_id(store.entities, invoker.unique_name, overwrite)
        finally:
            await store.close()
    except (StoreUnavailable, ValueError) as problem:
        raise CannotStart(str(problem)) from problem
