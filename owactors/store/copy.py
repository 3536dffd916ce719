"""Copies everything of one store into another. What the other has already stays as it is; it can be repeated.

Documents get new revisions. Both stores should rest meanwhile: what is written behind the copy's back may be missed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from attrs import define

from owactors.message.store import DocumentConflict
from owactors.store.port import EntityStore, Store, SubjectStore
from owactors.store.record import entry_of

Json = dict[str, Any]

_PAGE = 500
_RECORDS = 200


@define
class Copied:
    """How many of each kind were copied; `present`: documents that the other store had already."""

    subjects: int = 0
    entities: int = 0
    attachments: int = 0
    records: int = 0
    acceptances: int = 0
    present: int = 0


async def copy_store(source: Store, target: Store, progress: Callable[[Copied], None] = lambda _: None) -> Copied:
    """`progress` is told after each page. StoreUnavailable: begin again, what was copied stays."""
    copied = Copied()
    async for document in _documents(source.subjects):
        copied.subjects += await _put(target.subjects, document, copied)
    progress(copied)
    async for document in _documents(source.entities):
        await _copy_entity(source.entities, target.entities, document, copied)
        progress(copied)
    for usage in await source.activations.usage():
        async for page in _records(source, usage.namespace):
            await target.activations.store_all([entry_of(record) for record in page])
            copied.records += len(page)
            progress(copied)
    for accepted in await source.activations.unfinished():
        await target.activations.accept(accepted.activation_id, accepted.namespace, accepted.message)
        copied.acceptances += 1
    await target.activations.flush()
    return copied


async def _documents(store: EntityStore | SubjectStore) -> AsyncIterator[Json]:
    after = ""
    while ids := await store.ids(after=after, most=_PAGE):
        for doc_id in ids:
            yield await store.get(doc_id)
        after = ids[-1]


def _body(document: Json) -> Json:
    return {field: value for field, value in document.items() if field not in ("_rev", "_attachments")}


async def _put(store: EntityStore | SubjectStore, document: Json, copied: Copied) -> bool:
    """False: it was there."""
    try:
        await store.put(_body(document))
    except DocumentConflict:
        copied.present += 1
        return False
    return True


async def _copy_entity(source: EntityStore, target: EntityStore, document: Json, copied: Copied) -> None:
    """With its attachments, also those that a copy which broke off has left out."""
    copied.entities += await _put(target, document, copied)
    names = document.get("_attachments", ())
    if not names:
        return
    current = await target.get(document["_id"])
    if _body(current) != _body(document):
        return
    revision = current["_rev"]
    for name in names:
        if name not in current.get("_attachments", ()):
            content_type, data = await source.attachment(document["_id"], name)
            revision = await target.attach(document["_id"], revision, name, content_type, data)
            copied.attachments += 1


async def _records(store: Store, namespace: str) -> AsyncIterator[list[Json]]:
    """Pages of whole records, the latest first. A page begins with the start at which the one before ended."""
    upto: int | None = None
    skip = 0
    while page := await store.activations.list(namespace, upto=upto, skip=skip, limit=_RECORDS, docs=True):
        yield page
        last = page[-1]["start"]
        of_last = sum(1 for record in page if record["start"] == last)
        upto, skip = last, of_last + (skip if upto == last else 0)
