"""Who may do what: the checks are fed with packages by hand."""

from __future__ import annotations

import pytest
from attrs import evolve

from owactors.core.controller.entitlement import (
    ABSENT,
    ACTIONS,
    NOT_A_PACKAGE,
    PACKAGES,
    TRIGGERS,
    Found,
    Grants,
    Resource,
    check,
    kind_allowed,
    needs_no_package,
    right_of,
)
from owactors.core.controller.rejection import Rejection
from owactors.entity.identity import Identity, Namespace, Privilege
from owactors.entity.limits import UserLimits
from owactors.entity.package import Binding, WhiskPackage

ALICE = Identity("alice", Namespace("alice", "uuid-a"))
READ, PUT, ACTIVATE = Privilege.READ, Privilege.PUT, Privilege.ACTIVATE
PUBLIC = WhiskPackage("guest", "public", publish=True)
PRIVATE = WhiskPackage("guest", "private")
OWN = WhiskPackage("alice", "own")
BOUND = WhiskPackage("alice", "bound", Binding("guest", "public"))
BOUND_PRIVATE = WhiskPackage("alice", "shut", Binding("guest", "private"))
LOOP_A = WhiskPackage("alice", "a", Binding("alice", "b"))
LOOP_B = WhiskPackage("alice", "b", Binding("alice", "a"))
STORED = {p.doc_id: p for p in (PUBLIC, PRIVATE, OWN, BOUND, BOUND_PRIVATE, LOOP_A, LOOP_B)}


def decide(user: Identity, right: Privilege, *resources: Resource, grants: Grants | None = None) -> int:
    """200, or the status of the refusal."""
    checking = check(user, right, resources, grants)
    try:
        wanted = next(checking)
        while True:
            found: Found = STORED.get(wanted, NOT_A_PACKAGE if wanted.endswith("/action") else ABSENT)
            wanted = checking.send(found)
    except StopIteration:
        return 200
    except Rejection as refused:
        return refused.status


def package(path: str) -> Resource:
    namespace, _, name = path.partition("/")
    return Resource(namespace, PACKAGES, name)


@pytest.mark.parametrize(
    ("path", "read", "put"),
    [
        ("alice/own", 200, 200),
        ("alice/bound", 200, 200),
        ("alice/shut", 403, 200),
        ("alice/absent", 404, 200),
        ("alice/action", 409, 200),
        ("alice/a", 422, 200),
        ("guest/public", 200, 403),
        ("guest/private", 403, 403),
        ("guest/absent", 403, 403),
        ("guest/action", 403, 403),
    ],
)
def test_packages(path: str, read: int, put: int) -> None:
    assert decide(ALICE, READ, package(path)) == read
    assert decide(ALICE, PUT, package(path)) == put
    namespace, _, name = path.partition("/")
    assert decide(ALICE, ACTIVATE, Resource(f"{namespace}/{name}", ACTIONS, "x")) == read
    assert decide(ALICE, PUT, Resource(f"{namespace}/{name}", ACTIONS, "x")) == put


def test_collections_may_be_listed_by_their_owner_and_packages_by_all() -> None:
    for collection, expected in ((ACTIONS, 403), (TRIGGERS, 403), (PACKAGES, 200)):
        assert decide(ALICE, READ, Resource("guest", collection)) == expected
        assert decide(ALICE, READ, Resource("alice", collection)) == 200


@pytest.mark.scenario("E07")
def test_rights_of_the_identity_and_grants() -> None:
    reader = evolve(ALICE, rights=frozenset({READ}))
    assert decide(reader, ACTIVATE, Resource("alice", ACTIONS, "x")) == 403
    grants, there = Grants(), Resource("guest", ACTIONS, "x")
    assert decide(ALICE, READ, there, grants=grants) == 403
    grants.grant("alice", READ, Resource("guest", ACTIONS))
    assert decide(ALICE, READ, there, grants=grants) == 200
    assert decide(ALICE, PUT, there, grants=grants) == 403
    grants.revoke("alice", READ, Resource("guest", ACTIONS))
    assert decide(ALICE, READ, there, grants=grants) == 403


def test_the_refusal_names_what_is_refused_in_order() -> None:
    checking = check(ALICE, READ, (Resource("guest", ACTIONS, "z"), Resource("guest", TRIGGERS, "a")))
    with pytest.raises(Rejection, match=r"'guest/a, guest/z'"):
        next(checking)


def test_the_short_way_agrees_with_the_long_one() -> None:
    for namespace in ("alice", "guest", "alice/own", "guest/public"):
        for collection in (ACTIONS, TRIGGERS, PACKAGES):
            for right in (READ, PUT, ACTIVATE, Privilege.REJECT):
                resource = Resource(namespace, collection, "x")
                if needs_no_package(ALICE, right, resource):
                    assert decide(ALICE, right, resource) == 200


def test_rights_of_methods() -> None:
    assert right_of("POST", package("alice/own")) is Privilege.REJECT
    assert right_of("PUT", Resource("alice", ACTIONS)) is Privilege.REJECT
    assert right_of("PATCH", Resource("alice", ACTIONS, "x")) is Privilege.REJECT


def test_kinds() -> None:
    assert kind_allowed(ALICE, "any:1")
    limited = evolve(ALICE, limits=UserLimits(allowed_kinds=("a:1",)))
    assert [kind_allowed(limited, kind, frozenset({"b:1"})) for kind in ("a:1", "b:1", "c:1")] == [True, True, False]
