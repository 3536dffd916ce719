"""Reads an action with its code from a store."""

from __future__ import annotations

from typing import Any, Protocol

from owactors.core.attachment import attach, attachment_name
from owactors.entity.action import WhiskAction
from owactors.entity.errors import DeserializationError
from owactors.entity.manifest import ExecManifest


class ActionSource(Protocol):
    """What is needed of a store."""

    async def get(self, doc_id: str) -> dict[str, Any]: ...

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]: ...


async def fetch_action(store: ActionSource, manifest: ExecManifest, doc_id: str) -> WhiskAction:
    """The current revision. NoDocument, StoreUnavailable; DeserializationError if it is no action of this manifest."""
    document = await store.get(doc_id)
    kind = document.get("entityType", "action")
    if kind != "action":
        raise DeserializationError(f"{doc_id} is a {kind}, not an action", "entityType")
    name = attachment_name(document)
    data = None if name is None else (await store.attachment(doc_id, name))[1]
    return WhiskAction.from_json(attach(document, data), manifest)
