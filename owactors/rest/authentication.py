"""Who is calling: `Authorization: Basic uuid:key`. (OpenWhisk, BasicAuthenticationDirective.scala, Identity.scala.)"""

from __future__ import annotations

import base64
import binascii
import logging

from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection
from owactors.entity.errors import DeserializationError
from owactors.entity.identity import Identity, Namespace
from owactors.entity.ids import SECRET_LENGTH
from owactors.entity.limits import UserLimits
from owactors.rest.cache import ExpiringCache
from owactors.rest.ports import Json, Services

logger = logging.getLogger(__name__)


class _Nobody:
    """What the cache keeps for credentials that belong to nobody."""


_NOBODY = _Nobody()


def identity_of(row: Json) -> Identity:
    """The identity of a store's row; limits that cannot be read count as none set."""
    try:
        limits = UserLimits.from_json(row.get("limits") or {})
    except DeserializationError as error:
        logger.warning("limits of namespace %s are ignored: %s", row.get("namespace"), error)
        limits = UserLimits()
    return Identity(
        subject=row["subject"],
        namespace=Namespace(row["namespace"], row["uuid"]),
        authkey={"api_key": f"{row['uuid']}:{row['key']}"},
        limits=limits,
    )


class Authentication:
    """Finds identities by key and by namespace, and remembers them, the unknown ones too."""

    def __init__(self, services: Services) -> None:
        self._subjects = services.subjects
        ttl = services.settings.identity_ttl
        self._by_header: ExpiringCache[bytes, Identity | _Nobody] = ExpiringCache(ttl, services.monotonic)
        self._by_namespace: ExpiringCache[str, Identity | _Nobody] = ExpiringCache(ttl, services.monotonic)

    async def identify(self, header: bytes | None) -> Identity:
        """The caller of a request with this `Authorization` header. Rejection 401."""
        if header is not None:
            known = self._by_header.get(header)
            if isinstance(known, Identity):
                return known
            if known is None and (pair := _credentials(header)) is not None:
                return await self._look_up(header, pair)
        raise Rejection(401, messages.CREDENTIALS_INVALID if _has_credentials(header) else messages.CREDENTIALS_MISSING)

    async def _look_up(self, header: bytes, pair: tuple[str, str]) -> Identity:
        rows = await self._subjects.by_key(*pair)
        if len(rows) > 1:
            raise Rejection(500)
        found = identity_of(rows[0]) if rows else _NOBODY
        self._by_header.put(header, found)
        if isinstance(found, Identity):
            return found
        raise Rejection(401, messages.CREDENTIALS_INVALID)

    async def owner_of(self, namespace: str) -> Identity | None:
        """The identity that owns a namespace, None if nobody does (or its subject is blocked)."""
        known = self._by_namespace.get(namespace)
        if known is None:
            rows = await self._subjects.by_namespace(namespace)
            known = identity_of(rows[0]) if rows else _NOBODY
            self._by_namespace.put(namespace, known)
        return known if isinstance(known, Identity) else None

    def forget(self) -> None:
        """Drops what is remembered: keys, limits or blocks have changed."""
        self._by_header.clear()
        self._by_namespace.clear()


def _has_credentials(header: bytes | None) -> bool:
    if header is None:
        return False
    scheme, _, token = header.strip().partition(b" ")
    return bool(token.strip()) or scheme.lower() != b"basic"


def _credentials(header: bytes) -> tuple[str, str] | None:
    """Uuid and key of a Basic header; None if they cannot be those of anybody."""
    scheme, _, token = header.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        uuid, colon, key = base64.b64decode(token.strip()).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (uuid, key) if colon and uuid and len(key) == SECRET_LENGTH else None
