"""Where the APIs of a namespace are kept: one document beside its entities."""

from __future__ import annotations

from collections.abc import Callable

from owactors.core.controller.apigateway.swagger import Swagger
from owactors.core.controller.rejection import conflict
from owactors.message.store import DocumentConflict, NoDocument
from owactors.rest.cache import ExpiringCache
from owactors.rest.ports import Json, Services

Apis = dict[str, Swagger]
_TTL = 5.0
_ATTEMPTS = 10


class ApiStore:
    """APIs by base path. What another controller changed is seen after a few seconds."""

    def __init__(self, services: Services) -> None:
        self._store = services.entities
        self._cached: ExpiringCache[str, Apis] = ExpiringCache(_TTL, services.monotonic)

    async def apis(self, namespace: str) -> Apis:
        """All APIs of a namespace."""
        known = self._cached.get(namespace)
        if known is None:
            known = _apis(await self._document(namespace))
            self._cached.put(namespace, known)
        return known

    async def change(self, namespace: str, changed: Callable[[Apis], Apis]) -> Apis:
        """Replaces the APIs by what `changed` makes of them; it is called again if somebody else was faster."""
        for _ in range(_ATTEMPTS):
            document = await self._document(namespace)
            apis = changed(_apis(document))
            try:
                await self._store.put({**document, "apis": apis})
            except DocumentConflict:
                continue
            self._cached.put(namespace, apis)
            return apis
        raise conflict()

    async def _document(self, namespace: str) -> Json:
        """The document; a fresh one if there is none. No entity can have its name."""
        doc_id = f"{namespace}/.apis"
        try:
            return await self._store.get(doc_id)
        except NoDocument:
            return {"_id": doc_id, "entityType": "apis", "namespace": namespace}


def _apis(document: Json) -> Apis:
    return dict(document.get("apis") or {})
