"""Numbers of children by their addresses, also on bases whose addresses cannot be keys and change their text."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field
from thespian.actors import ActorAddress


def _key(address: ActorAddress) -> Hashable:
    return address if type(address).__hash__ is not None else str(address)


@define(eq=False)
class AddressTable:
    """Who is who among the children of one actor. Looking up costs one hash once an address was seen."""

    _addresses: dict[int, ActorAddress] = field(factory=dict)
    _numbers: dict[Hashable, int] = field(factory=dict)
    _keys: dict[int, list[Hashable]] = field(factory=dict)
    #: children that were not heard of: their address may have another text when they speak
    _unheard: set[int] = field(factory=set)

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, number: int, address: ActorAddress) -> None:
        """A child was created."""
        self._addresses[number] = address
        self._unheard.add(number)
        self._learn(number, _key(address))

    def remove(self, number: int) -> None:
        """The child is gone; its address may be somebody else's tomorrow."""
        self._addresses.pop(number, None)
        self._unheard.discard(number)
        for key in self._keys.pop(number, ()):
            if self._numbers.get(key) == number:
                del self._numbers[key]

    def address(self, number: int) -> ActorAddress | None:
        """Where the child is."""
        return self._addresses.get(number)

    def addresses(self) -> list[ActorAddress]:
        """Where all of them are."""
        return list(self._addresses.values())

    def number(self, address: ActorAddress) -> int | None:
        """Which child this is, None for a stranger."""
        key = _key(address)
        found = self._numbers.get(key)
        if found is None and key is not address:
            found = next((number for number in self._unheard if self._addresses[number] == address), None)
            if found is not None:
                self._learn(found, key)
        if found is not None:
            self._unheard.discard(found)
        return found

    def _learn(self, number: int, key: Hashable) -> None:
        self._numbers[key] = number
        self._keys.setdefault(number, []).append(key)
