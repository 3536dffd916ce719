"""A container's name, image and share of the processors. (OpenWhisk, ContainerProxy.scala, ContainerFactory.scala.)"""

from __future__ import annotations

import re

from attrs import evolve

from owactors.core.containerproxy.instructions import CreateContainer, ResizeContainer
from owactors.entity.action import WhiskAction
from owactors.entity.exec import BlackBoxExec, Exec
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.container import ProxySettings, Run

_NOT_IN_PREFIX = re.compile(r"[^A-Za-z0-9_.-]")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_]")
#: Annotation of an action with an image of its own: Always, IfNotPresent or Never, as Kubernetes has them.
PULL_POLICY = "image-pull-policy"
ACTION_LABEL, REVISION_LABEL = "owactors.action", "owactors.revision"
MIN_SHARES = 2
MIN_CPUS = 0.01


def container_name_prefix(instance: InvokerInstanceId, prefix: str = "wsk") -> str:
    """`wsk<unique name><number>`, restricted to letters, digits and `_.-`."""
    return _NOT_IN_PREFIX.sub("", f"{prefix}{instance.unique_name or ''}{instance.instance}")


def container_name(settings: ProxySettings, number: int, prefix: str, suffix: str) -> str:
    """`wsk0_7_guest_hello`: the invoker, a number of its own, two words restricted to letters, digits, underscore."""
    words = (_NOT_IN_NAME.sub("", prefix), _NOT_IN_NAME.sub("", suffix))
    return "_".join((container_name_prefix(settings.instance, settings.name_prefix), str(number), *words))


def cpu_share(user_memory: ByteSize, reserved: ByteSize) -> int:
    """Docker's --cpu-shares for a container of `reserved` memory: its part of 1024, at least 2."""
    if reserved.bytes >= user_memory.bytes:
        return 1024
    return max(1024 // (user_memory.bytes // reserved.bytes), MIN_SHARES)


def cpu_limit(user_cpus: float | None, user_memory: ByteSize, reserved: ByteSize) -> float | None:
    """Cores a container of `reserved` memory may use: its part of `user_cpus`, at least 0.01; None: no limit."""
    if user_cpus is None:
        return None
    ratio = max(1, user_memory.bytes // reserved.bytes)
    return max(round(user_cpus / ratio, 5), MIN_CPUS)


def creation(
    settings: ProxySettings, exec: Exec, memory: ByteSize, name: str, transid: TransactionId, pull_policy: str = ""
) -> CreateContainer:
    """The order to make a container for `exec`; `pull_policy` is that of the action, for an image of its own."""
    image, pull = settings.images.get(exec.kind, ""), False
    if isinstance(exec, BlackBoxExec):
        image, pull = exec.image, not exec.native
    return CreateContainer(
        name=name,
        kind=exec.kind,
        image=image,
        user_provided_image=pull,
        memory=memory.bytes,
        cpu_shares=cpu_share(settings.user_memory, memory),
        cpu_limit=cpu_limit(settings.user_cpus, settings.user_memory, memory),
        transid=transid,
        pull_policy=pull_policy if pull else "",
    )


def creation_for(settings: ProxySettings, run: Run, name: str) -> CreateContainer:
    """The order to make a container for the action of a run, with labels that say so."""
    action, transid = run.action, run.msg.transid
    order = creation(settings, action.exec, action.limits.memory_size, name, transid, pull_policy_of(action))
    labels = {ACTION_LABEL: str(action.fully_qualified_name), REVISION_LABEL: run.msg.revision.text}
    return evolve(order, labels=labels)


def pull_policy_of(action: WhiskAction) -> str:
    """What the action says of pulling its image, "" for nothing."""
    return str(action.annotations.get(PULL_POLICY, ""))


def resizing(settings: ProxySettings, memory: ByteSize, transid: TransactionId) -> ResizeContainer:
    """The order to give a container this memory and what goes with it."""
    return ResizeContainer(
        memory=memory.bytes,
        cpu_shares=cpu_share(settings.user_memory, memory),
        cpu_limit=cpu_limit(settings.user_cpus, settings.user_memory, memory),
        transid=transid,
    )
