"""Packages and bindings: `/namespaces/{ns}/packages…`. (OpenWhisk, Packages.scala.)"""

from __future__ import annotations

from typing import Any

from owactors.core.controller import messages
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.entitlement import PACKAGES, Resource
from owactors.core.controller.packageput import (
    RESERVED_NAMES,
    PackagePut,
    check_provider,
    check_rebinding,
    make_package,
    read_package_put,
    update_package,
)
from owactors.core.controller.rejection import Rejection, bad_request, conflict, forbidden
from owactors.entity.identity import Identity, Privilege
from owactors.entity.package import Binding, WhiskPackage
from owactors.entity.parameters import Parameters
from owactors.message.store import NoDocument
from owactors.rest import query
from owactors.rest.answer import Answer, json_answer
from owactors.rest.collection import Collection
from owactors.rest.repository import NotInCollection
from owactors.rest.request import Request


class Packages(Collection):
    """Reads, creates, binds, updates, deletes and lists packages."""

    name = PACKAGES
    verbs = frozenset({"GET", "PUT", "DELETE"})

    def view(self, user: Identity, namespace: str) -> str:
        """Of other namespaces only published packages that are no bindings are listed."""
        return PACKAGES if namespace == user.namespace.name else "packages-public"

    # --- reading ---------------------------------------------------------------------------------

    async def read(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """The package with its actions and feeds; of a binding those of its provider, parameters merged."""
        execute_only = self.services.settings.execute_only_shared_packages
        if execute_only and namespace != user.namespace.name:
            raise forbidden(messages.forbidden_get_package(f"{namespace}/{name}"))
        package = await self.repository.package(f"{namespace}/{name}")
        binding = package.binding
        if binding is not None and binding.doc_id == package.doc_id:
            raise Rejection(422, messages.binding_circular(binding.doc_id))
        if execute_only and binding is not None and binding.namespace != namespace:
            raise forbidden(messages.forbidden_get_package_binding(name))
        provider, parameters = await self.repository.provider_of(package.doc_id)
        shown = {**package.to_json(), "parameters": parameters.to_json()}
        rows = await self.repository.rows("actions", provider.doc_id)
        return json_answer({**shown, **_contents(rows)})

    # --- writing ---------------------------------------------------------------------------------

    async def put(
        self, user: Identity, namespace: str, name: str, request: Request, body: object, limited: LimitedPut
    ) -> Answer:
        """Creates a package or binding or, with `overwrite=true`, updates it."""
        overwrite = query.boolean(request, "overwrite")
        if name in RESERVED_NAMES:
            raise bad_request(messages.package_reserved(name))
        put = read_package_put(body, limited, namespace)
        if put.binding is not None:
            await self._check_access(user, put.binding)
        try:
            old = await self.repository.package(f"{namespace}/{name}")
        except NoDocument:
            await self._check_binding(put)
            package = make_package(put, namespace, name)
        else:
            if not overwrite:
                raise conflict(messages.ALREADY_EXISTS)
            check_rebinding(put, old)
            await self._check_binding(put)
            package = update_package(put, old)
        return json_answer((await self.repository.save(package)).to_json())

    async def _check_access(self, user: Identity, binding: Binding) -> None:
        resource = Resource(binding.namespace, PACKAGES, binding.name)
        try:
            await self.entitlement.check(user, Privilege.READ, (resource,))
        except Rejection as refused:
            if refused.status == 404:
                raise bad_request(messages.BINDING_MISSING) from None
            if refused.status == 409:
                raise conflict(messages.BINDING_TO_NON_PACKAGE) from None
            raise

    async def _check_binding(self, put: PackagePut) -> None:
        if put.binding is None:
            return
        try:
            check_provider(await self.repository.package(put.binding.doc_id))
        except NoDocument:
            raise bad_request(messages.BINDING_MISSING) from None
        except NotInCollection:
            raise conflict(messages.BINDING_TO_NON_PACKAGE) from None

    async def delete(self, user: Identity, namespace: str, name: str, request: Request) -> Answer:
        """Deletes the package; one with actions only with `force=true`, its actions first."""
        force = query.boolean(request, "force")
        package = await self.repository.package(f"{namespace}/{name}")
        if package.binding is None:
            await self._empty(package, force)
        await self.repository.remove(package)
        return json_answer(package.to_json())

    async def _empty(self, package: WhiskPackage, force: bool) -> None:
        rows = await self.repository.rows("actions", package.doc_id)
        if rows and not force:
            raise conflict(messages.package_not_empty(len(rows)))
        for row in rows:
            action = await self.repository.action(f"{package.doc_id}/{row['name']}")
            await self.repository.remove(action)


def _contents(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """`actions` and `feeds` of a package, from the rows of its actions."""
    entries = [{field: row[field] for field in ("name", "version", "annotations")} for row in rows]
    feeds = [entry for entry in entries if _is_feed(entry)]
    return {"actions": [entry for entry in entries if not _is_feed(entry)], "feeds": feeds}


def _is_feed(entry: dict[str, Any]) -> bool:
    return "feed" in Parameters.from_json(entry["annotations"])
