"""What a PUT makes of a package or binding. (OpenWhisk, Packages.scala, WhiskPackage.scala.)"""

from __future__ import annotations

from typing import Any

from attrs import evolve, frozen

from owactors.core.controller import messages, reading
from owactors.core.controller.actionput import LimitedPut
from owactors.core.controller.rejection import bad_request, conflict, malformed
from owactors.entity.names import DEFAULT_NAMESPACE
from owactors.entity.package import Binding, WhiskPackage
from owactors.entity.parameters import Parameters
from owactors.entity.semver import SemVer

RESERVED_NAMES = frozenset({"default"})


@frozen
class PackagePut:
    """The body of a PUT of a package; None where it says nothing."""

    binding: Binding | None = None
    parameters: Parameters | None = None
    version: SemVer | None = None
    publish: bool | None = None
    annotations: Parameters | None = None


def read_package_put(body: Any, limited: LimitedPut, namespace: str) -> PackagePut:
    """Reads the rest of the body; a binding to `_` is one to `namespace`. Rejection 400."""
    return PackagePut(
        binding=reading.optional(body, "binding", lambda value: _binding(value, namespace)),
        parameters=limited.parameters,
        version=reading.optional(body, "version", reading.version),
        publish=reading.optional(body, "publish", reading.boolean),
        annotations=limited.annotations,
    )


def _binding(value: Any, namespace: str) -> Binding | None:
    if value == {} and isinstance(value, dict):
        return None
    target_namespace = _required(value, "namespace")
    name = _required(value, "name")
    return Binding(namespace if target_namespace == DEFAULT_NAMESPACE else target_namespace, name)


def _required(value: Any, field: str) -> str:
    if not isinstance(value, dict):
        raise malformed(f"Object expected in field '{field}'")
    if field not in value:
        raise malformed(f"Object is missing required member '{field}'")
    return reading.name(value[field])


def check_provider(provider: WhiskPackage) -> None:
    """Rejection 400 for a binding to a binding."""
    if provider.binding is not None:
        raise bad_request(messages.BINDING_TO_BINDING)


def check_rebinding(put: PackagePut, old: WhiskPackage) -> None:
    """Rejection 409 for turning a package into a binding."""
    if put.binding is not None and old.binding is None:
        raise conflict(messages.PACKAGE_NO_BINDING)


def make_package(put: PackagePut, namespace: str, name: str) -> WhiskPackage:
    """A new package."""
    return WhiskPackage(
        namespace=namespace,
        name=name,
        binding=put.binding,
        parameters=put.parameters or Parameters(),
        version=put.version or SemVer(),
        publish=bool(put.publish),
        annotations=_annotated(put.annotations or Parameters(), put.binding),
    )


def update_package(put: PackagePut, old: WhiskPackage) -> WhiskPackage:
    """The package after an update: what the body names replaces the old."""
    binding = put.binding or old.binding
    return evolve(
        old,
        binding=binding,
        parameters=old.parameters if put.parameters is None else put.parameters,
        version=put.version or old.version.up_patch(),
        publish=old.publish if put.publish is None else put.publish,
        annotations=_annotated(old.annotations if put.annotations is None else put.annotations, binding),
    )


def _annotated(annotations: Parameters, binding: Binding | None) -> Parameters:
    plain = annotations.without("binding")
    return plain if binding is None else plain.put("binding", binding.to_json())
