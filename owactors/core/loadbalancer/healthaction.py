"""The action that tests an invoker which is not trusted yet. (OpenWhisk, InvokerSupervision.scala: InvokerPool.)"""

from __future__ import annotations

from owactors.entity.action import WhiskAction
from owactors.entity.exec import exec_from_json
from owactors.entity.identity import Identity, Namespace
from owactors.entity.ids import DocRevision, new_activation_id
from owactors.entity.instance import ControllerInstanceId
from owactors.entity.limits import ActionLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.semver import SemVer
from owactors.entity.transaction import TransactionId
from owactors.message.activation import ActivationMessage

NAMESPACE = "whisk.system"
HEALTH = "invokerHealth"
#: what a kind needs to echo its parameters, by the beginning of its name
_CODE = {
    "nodejs": "function main(params) { return params; }",
    "python": "def main(params):\n    return params\n",
}


def health_action_name(controller: ControllerInstanceId) -> str:
    """Each controller has its own, so that versions of controllers may differ."""
    return f"invokerHealthTestAction{controller.as_string}"


def health_action(controller: ControllerInstanceId, manifest: ExecManifest, kind: str, memory: int) -> WhiskAction:
    """Echoes its parameters, with little memory (MB), in `kind` or another one of the manifest. ValueError: none."""
    wanted = [manifest.resolve_default(each) for each in (kind, "nodejs:default", "python:default")]
    usable = [each for each in (*wanted, *manifest.runtimes) if each in manifest.runtimes and _code_for(each)]
    if not usable:
        raise ValueError(
            "no kind of the runtimes manifest can run the action that tests invokers: add a nodejs or python"
        )
    exec = exec_from_json({"kind": usable[0], "code": _code_for(usable[0])}, manifest)
    return WhiskAction(NAMESPACE, health_action_name(controller), exec, limits=ActionLimits(memory=memory))


def _code_for(kind: str) -> str:
    return _CODE.get(kind.partition(":")[0], "")


def health_identity(uuid: str, secret: str) -> Identity:
    """Who calls the action: nobody that may do anything else."""
    authkey = {"api_key": f"{uuid}:{secret}"}
    return Identity(NAMESPACE, Namespace(NAMESPACE, uuid), authkey, frozenset())


def health_message(controller: ControllerInstanceId, user: Identity, started: int) -> ActivationMessage:
    """A fresh order to run it. `started` (epoch ms) is the same in all orders of a controller's life."""
    return ActivationMessage(
        transid=TransactionId.system(HEALTH, started),
        action=FullyQualifiedEntityName(NAMESPACE, health_action_name(controller), SemVer()),
        revision=DocRevision(),
        user=user,
        activation_id=new_activation_id(),
        root_controller_index=controller,
        blocking=False,
    )
