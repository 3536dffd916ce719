"""What a controller is started with: plain values, so that it can be sent to a process of its own."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from owactors.actor.store import OpenStore
from owactors.entity.manifest import ExecManifest
from owactors.entity.subject import SubjectDocument
from owactors.rest.ports import RestSettings


@frozen
class ThrottleSettings:
    """Requests per minute, activations in flight and fires per minute of a namespace without limits of its own."""

    invocations_per_minute: int = 60
    concurrent_invocations: int = 30
    fires_per_minute: int = 60


@frozen
class EncryptionKeys:
    """The algorithm that locks parameters ("off" for none), and the keys by algorithm, the newest first."""

    current: str = "off"
    keys: Mapping[str, tuple[bytes, ...]] = field(factory=dict, repr=False)


@frozen(eq=False)
class ControllerSetup:
    """The first message to a controller; ControllerUp or RoleFailed comes back to its sender."""

    host: str
    port: int
    instance: str
    store: OpenStore
    rest: RestSettings
    manifest: ExecManifest
    throttles: ThrottleSettings = ThrottleSettings()
    #: subjects that are created when they are not there
    subjects: tuple[SubjectDocument, ...] = ()
    encryption: EncryptionKeys = EncryptionKeys()
    timeout_factor: float = 2.0
    timeout_addon: float = 60.0
    metrics: bool = True
    #: where logs may be that are kept out of band; empty: nowhere
    log_folder: str = ""
    #: opens the routes for the operator; empty: there are none
    admin_key: str = field(default="", repr=False)
