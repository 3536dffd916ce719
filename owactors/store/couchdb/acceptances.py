"""Acceptances: made before a call is answered, ended by its record or by dismissal.

A bulk write is no transaction, so that an acceptance may outlive its record for a while, for ever if the node dies
between the two. One that has a record counts as ended, wherever it is asked for; `tidy` removes what is left.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from owactors.message.store import Acceptance
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.outbox import Outbox
from owactors.store.couchdb.parcel import Key, Parcel
from owactors.store.couchdb.records import (
    ACCEPTANCES,
    acceptance_id,
    acceptance_of,
    acceptance_parcel,
    key_of_acceptance,
    record_id,
    removal,
)

#: revisions remembered of acceptances that were made here
_MOST_KNOWN = 100_000
#: acceptances looked at in one round of tidying
_TIDY_STEP = 2000


@define(eq=False)
class Acceptances:
    """Those of one activations database; `unfinished` ones only of this owner."""

    _database: CouchDatabase
    _outbox: Outbox
    _owner: str | None = field(init=False)
    _known: dict[Key, str] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._owner = self._database.client.settings.owner

    async def add(self, accepted: Acceptance) -> None:
        """On disk on return. One that is there stays."""
        key = (accepted.namespace, accepted.activation_id)
        await self._outbox.send(
            [acceptance_parcel(accepted, self._owner, lambda revision: self._remember(key, revision))]
        )

    def _remember(self, key: Key, revision: str | None) -> None:
        if revision is not None and len(self._known) < _MOST_KNOWN:
            self._known[key] = revision

    def end(self, key: Key) -> None:
        """Its record is on disk. It goes in a moment if it was made here, else when somebody tidies."""
        revision = self._known.pop(key, None)
        if revision is not None and not self._outbox.closed:
            self._outbox.soon(_removal(key, revision))

    async def dismiss(self, keys: Sequence[Key]) -> None:
        """Ended on return, without a record."""
        known = {key: revision for key in keys if (revision := self._known.pop(key, None)) is not None}
        unknown = {acceptance_id(key): key for key in keys if key not in known}
        if unknown:
            found = await self._database.revisions(list(unknown))
            known.update({unknown[doc_id]: revision for doc_id, revision in found.items()})
        await self._outbox.send([_removal(key, revision) for key, revision in known.items()])

    async def unfinished(self) -> tuple[Acceptance, ...]:
        """Those without a record, oldest first."""
        rows = await self._database.between(*ACCEPTANCES, docs=True)
        documents = [row["doc"] for row in rows if row.get("doc")]
        accepted = [acceptance_of(one) for one in documents if self._is_ours(one.get("owner"))]
        recorded = await self._recorded([(one.namespace, one.activation_id) for one in accepted])
        left = [one for one in accepted if (one.namespace, one.activation_id) not in recorded]
        return tuple(sorted(left, key=lambda one: (one.accepted_at, one.activation_id)))

    def _is_ours(self, owner: str | None) -> bool:
        return self._owner is None or owner in (self._owner, None)

    async def _recorded(self, keys: Sequence[Key]) -> set[Key]:
        """Those that have a record, on disk or on its way."""
        on_their_way = {key for key in keys if self._outbox.waiting(*key) is not None}
        others = {record_id(key): key for key in keys if key not in on_their_way}
        on_disk = await self._database.revisions(list(others))
        return on_their_way | {others[doc_id] for doc_id in on_disk}

    async def tidy(self) -> None:
        """Removes acceptances that have a record."""
        rows = await self._database.between(*ACCEPTANCES, docs=False, limit=_TIDY_STEP)
        revisions = {key_of_acceptance(row["id"]): row["value"]["rev"] for row in rows}
        on_disk = await self._database.revisions([record_id(key) for key in revisions])
        ended = [key for key in revisions if record_id(key) in on_disk]
        for key in ended:
            self._known.pop(key, None)
        await self._outbox.send([_removal(key, revisions[key]) for key in ended])


def _removal(key: Key, revision: str) -> Parcel:
    doc_id = acceptance_id(key)
    return Parcel(doc_id, removal(doc_id, revision))
