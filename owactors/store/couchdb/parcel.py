"""Documents on their way to the server, and who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from attrs import define

from owactors.message.store import RecordEntry, StoreError

Key = tuple[str, str]


@define(eq=False)
class Receipt:
    """What somebody waits for: `left` documents that have to be confirmed."""

    future: asyncio.Future[None]
    left: int

    @classmethod
    def for_many(cls, many: int) -> Receipt:
        """To be called on the loop of the one who waits."""
        return cls(asyncio.get_running_loop().create_future(), many)

    def confirm(self) -> None:
        """One of them is on disk."""
        self.left -= 1
        if self.left == 0 and not self.future.done():
            self.future.set_result(None)

    def refuse(self, error: StoreError) -> None:
        """One of them is not."""
        if not self.future.done():
            self.future.set_exception(error)


@define(eq=False)
class Parcel:
    """One encoded document. Without a receipt nobody waits: it is kept until the server has it."""

    doc_id: str
    body: bytes
    receipt: Receipt | None = None
    #: the record in it, if it is one
    entry: RecordEntry | None = None
    #: told the new revision; None: the document was there already
    confirmed: Callable[[str | None], None] | None = None
    number: int = 0

    def arrived(self, revision: str | None) -> None:
        """It is on disk."""
        if self.confirmed is not None:
            self.confirmed(revision)
        if self.receipt is not None:
            self.receipt.confirm()
