"""How far a consumer has come: what it handed out and what of it the group knows."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field
from kafka import TopicPartition

from owactors.connector.port import Record


@define
class Positions:
    """Per partition: the oldest record handed out and not committed, and the offset behind the newest one."""

    first_uncommitted: dict[TopicPartition, int] = field(factory=dict)
    next_offset: dict[TopicPartition, int] = field(factory=dict)

    def handed_out(self, records: Iterable[Record]) -> None:
        """Records were given to the reader, in their order."""
        for record in records:
            place = _place(record)
            self.first_uncommitted.setdefault(place, record.offset)
            self.next_offset[place] = record.offset + 1

    def to_commit(self, upto: Record | None) -> dict[TopicPartition, int]:
        """The offsets the group should go on from: behind everything, or behind `upto`."""
        if upto is not None:
            return {_place(upto): upto.offset + 1}
        return {place: self.next_offset[place] for place in self.first_uncommitted}

    def committed(self, offsets: dict[TopicPartition, int]) -> None:
        """The group has these offsets."""
        for place, offset in offsets.items():
            if offset >= self.next_offset.get(place, 0):
                self.first_uncommitted.pop(place, None)
            else:
                self.first_uncommitted[place] = offset


def _place(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)
