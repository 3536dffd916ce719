"""One consumer group on one topic: its committed offset and whose turn it is."""

from __future__ import annotations

from typing import Protocol

from attrs import define, field

from owactors.connector.memory.log import TopicLog


class Member(Protocol):
    """What a group knows of who belongs to it."""

    @property
    def instance(self) -> str | None:
        """Its lasting id."""

    def fence(self) -> None:
        """Another member has its place."""


@define
class ConsumerGroup:
    """The first member reads, the others wait; a member with a lasting id takes its predecessor's place."""

    log: TopicLog
    committed: int | None = None
    members: list[Member] = field(factory=list)

    def join(self, member: Member) -> None:
        """Adds a member, or puts it in the place of the one with the same instance id, which is fenced."""
        for place, other in enumerate(self.members):
            if member.instance is not None and other.instance == member.instance:
                other.fence()
                self.members[place] = member
                return
        self.members.append(member)

    def leave(self, member: Member) -> None:
        """Takes a member out; the next one's turn comes."""
        if member in self.members:
            self.members.remove(member)
            self.log.wake()

    def active(self, member: Member) -> bool:
        """Whether it is this member's turn."""
        return bool(self.members) and self.members[0] is member

    @property
    def beginning(self) -> int:
        """Where a member without a position begins."""
        return self.log.start if self.committed is None else self.committed
