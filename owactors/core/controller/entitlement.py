"""Who may do what with which resource. (OpenWhisk, Entitlement.scala, PackageCollection.scala, ActionCollection.scala.)

Whether a package is readable depends on documents. The checks are generators, so that they stay free of I/O: they
yield the id of a package they need and are sent a `WhiskPackage`, `ABSENT`, or `NOT_A_PACKAGE`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Set
from enum import Enum

from attrs import define, field, frozen

from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection, conflict, forbidden, not_found
from owactors.entity.identity import ALL, CRUD, Identity, Privilege
from owactors.entity.package import WhiskPackage

ACTIONS, PACKAGES, TRIGGERS, RULES = "actions", "packages", "triggers", "rules"
ACTIVATIONS, LIMITS, NAMESPACES = "activations", "limits", "namespaces"

_VERB_RIGHTS = {
    "GET": Privilege.READ,
    "PUT": Privilege.PUT,
    "POST": Privilege.ACTIVATE,
    "DELETE": Privilege.DELETE,
}


class Missing(Enum):
    """Why there is no package to send to a check."""

    ABSENT = "absent"
    NOT_A_PACKAGE = "not a package"


ABSENT, NOT_A_PACKAGE = Missing.ABSENT, Missing.NOT_A_PACKAGE
Found = WhiskPackage | Missing
Check = Generator[str, Found, bool]


@frozen
class Resource:
    """Something in a collection of a namespace; without `entity` the collection itself.

    `namespace` is "ns", or "ns/pkg" for an action of a package.
    """

    namespace: str
    collection: str
    entity: str | None = None

    @property
    def name(self) -> str:
        """How it is called in messages: `ns/entity`, or `ns` for a collection."""
        return self.namespace if self.entity is None else f"{self.namespace}/{self.entity}"

    @property
    def root(self) -> str:
        """The namespace without the package."""
        return self.namespace.partition("/")[0]

    @property
    def package(self) -> str | None:
        """The package's name, None in the default package."""
        return self.namespace.partition("/")[2] or None


def right_of(method: str, resource: Resource) -> Privilege:
    """The right an HTTP method needs; of a collection only reading is thought of."""
    right = _VERB_RIGHTS.get(method, Privilege.REJECT)
    if resource.entity is None and right is not Privilege.READ:
        return Privilege.REJECT
    if resource.collection == PACKAGES and right is Privilege.ACTIVATE:
        return Privilege.REJECT
    return right


def refused(resources: Iterable[Resource]) -> Rejection:
    """403 that names the resources."""
    return forbidden(messages.not_authorized(", ".join(sorted({resource.name for resource in resources}))))


@define
class Grants:
    """Explicit grants: (subject, resource) -> rights. A grant on a collection holds for what is in it."""

    matrix: dict[tuple[str, str], frozenset[Privilege]] = field(factory=dict)

    def grant(self, subject: str, right: Privilege, resource: Resource) -> None:
        """Gives a right."""
        key = (subject, resource_id(resource))
        self.matrix[key] = self.matrix.get(key, frozenset()) | {right}

    def revoke(self, subject: str, right: Privilege, resource: Resource) -> None:
        """Takes it back."""
        key = (subject, resource_id(resource))
        self.matrix[key] = self.matrix.get(key, frozenset()) - {right}

    def holds(self, subject: str, right: Privilege, resource: Resource) -> bool:
        """True if the subject was given the right to the resource or to its collection."""
        if not self.matrix:
            return False
        parent = f"{resource.namespace}/{resource.collection}"
        return any(right in self.matrix.get((subject, at), ()) for at in (resource_id(resource), parent))


def resource_id(resource: Resource) -> str:
    """`ns/collection[/entity]`."""
    parent = f"{resource.namespace}/{resource.collection}"
    return parent if resource.entity is None else f"{parent}/{resource.entity}"


def owns(user: Identity, resource: Resource) -> bool:
    """True for what lies in the user's own namespace."""
    return resource.root == user.namespace.name


def needs_no_package(user: Identity, right: Privilege, resource: Resource) -> bool:
    """True if the right is implied without looking at any package: the usual case, kept short."""
    return (
        right in user.rights
        and right in ALL
        and resource.entity is not None
        and resource.collection != PACKAGES
        and "/" not in resource.namespace
        and resource.namespace == user.namespace.name
    )


def implied(user: Identity, right: Privilege, resource: Resource) -> Check:
    """Whether ownership or a package gives the right. Rejection where a needed package tells more than no."""
    if resource.collection == PACKAGES:
        return (yield from _implied_package(user, right, resource))
    in_package = resource.collection == ACTIONS and resource.package is not None and resource.entity is not None
    if in_package and right in (Privilege.READ, Privilege.ACTIVATE):
        package = Resource(resource.root, PACKAGES, resource.package)
        return (yield from check(user, Privilege.READ, (package,)))
    allowed = ALL if resource.entity is not None else {Privilege.READ}
    return owns(user, resource) and right in allowed


def _implied_package(user: Identity, right: Privilege, resource: Resource) -> Check:
    if resource.entity is None:
        return right is Privilege.READ
    if right is not Privilege.READ:
        return owns(user, resource) and right in CRUD
    return (yield from _readable(user, f"{resource.root}/{resource.entity}", owns(user, resource), frozenset()))


def _readable(user: Identity, doc_id: str, owner: bool, seen: Set[str]) -> Check:
    found = yield doc_id
    if isinstance(found, Missing):
        if not owner:
            return False
        raise not_found() if found is ABSENT else conflict(messages.NOT_IN_COLLECTION)
    if found.binding is None:
        return found.publish or owner
    if not owner:
        return False
    target = found.binding.doc_id
    if target == doc_id or target in seen:
        raise Rejection(422, messages.binding_circular(target))
    own_target = found.binding.namespace == user.namespace.name
    return (yield from _readable(user, target, own_target, {*seen, doc_id}))


def check(user: Identity, right: Privilege, resources: Iterable[Resource], grants: Grants | None = None) -> Check:
    """True if the user has the right to all of the resources. Rejection 403 names those that are refused."""
    asked = tuple(dict.fromkeys(resources))
    if right not in user.rights:
        raise refused(asked)
    failed = []
    for resource in asked:
        granted = grants is not None and grants.holds(user.subject, right, resource)
        if not (granted or (yield from implied(user, right, resource))):
            failed.append(resource)
    if failed:
        raise refused(failed)
    return True


def kind_allowed(user: Identity, kind: str, whitelist: Set[str] = frozenset()) -> bool:
    """Whether the namespace may use a kind: one of its own or of the system's list; with no list at all, any."""
    allowed = {*(user.limits.allowed_kinds or ()), *whitelist}
    return not allowed or kind in allowed


def check_kind(user: Identity, kind: str, whitelist: Set[str] = frozenset()) -> None:
    """Rejection 403 for a kind the namespace may not use."""
    if not kind_allowed(user, kind, whitelist):
        raise forbidden(messages.not_authorized_kind(kind))
