"""Children by their addresses: those that are keys, and those whose text changes."""

from __future__ import annotations

from thespian.actors import ActorAddress

from owactors.actor.addresstable import AddressTable
from owactors.actorbase.addresses import address


class Shifting(ActorAddress):
    """An address as on a stock base: no key, equal to its other form."""

    def __init__(self, text: str, other: str) -> None:
        super().__init__(text)
        self.other = other

    def eqOverride(self, other: ActorAddress) -> bool:
        return str(other.addressDetails) in (self.addressDetails, self.other)


def test_addresses_that_are_keys() -> None:
    table = AddressTable()
    table.add(1, address("127.0.0.1", 5000, 1))
    assert table.number(address("127.0.0.1", 5000, 1)) == 1
    assert table.number(address("127.0.0.1", 5000, 2)) is None
    table.remove(1)
    assert table.number(address("127.0.0.1", 5000, 1)) is None
    assert table.address(1) is None
    assert len(table) == 0


def test_a_child_is_known_under_both_forms_of_its_address() -> None:
    table = AddressTable()
    table.add(1, Shifting("local.1", "tcp:1"))
    table.add(2, Shifting("local.2", "tcp:2"))
    assert table.number(ActorAddress("tcp:2")) == 2
    assert table.number(ActorAddress("tcp:2")) == 2
    assert table.number(ActorAddress("local.1")) == 1
    assert table.number(ActorAddress("tcp:9")) is None


def test_an_address_may_be_used_again_by_another_child() -> None:
    table = AddressTable()
    table.add(1, Shifting("local.1", "tcp:1"))
    assert table.number(ActorAddress("tcp:1")) == 1
    table.remove(1)
    assert table.number(ActorAddress("tcp:1")) is None
    table.add(2, Shifting("local.2", "tcp:1"))
    assert table.number(ActorAddress("tcp:1")) == 2
