"""Which outcomes leave a record."""

from __future__ import annotations

import pytest
from attrs import evolve

from owactors.core.storepolicy import StoreLevel, StorePolicy
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity

IDENTITY = Identity.from_json(
    {
        "subject": "guest-subject",
        "namespace": {"name": "guest", "uuid": "0b5d9b3e-6a0f-4c3e-9a77-2f1c8d4e5a60"},
        "authkey": {"api_key": "0b5d9b3e-6a0f-4c3e-9a77-2f1c8d4e5a60:" + "k" * 64},
        "rights": ["READ", "PUT", "DELETE", "ACTIVATE"],
        "limits": {},
    }
)


def activation(status: int) -> WhiskActivation:
    return WhiskActivation("guest", "greet", "guest-subject", "f" * 32, 1, 2, ActivationResponse(status, {}))


@pytest.mark.parametrize(
    ("level", "kept"), [("all", [0, 1, 2, 3]), ("failures", [1, 2, 3]), ("system-failures", [2, 3])]
)
def test_levels(level: str, kept: list[int]) -> None:
    for blocking in (True, False):
        other = StoreLevel.ALL
        levels = (StoreLevel(level), other) if blocking else (other, StoreLevel(level))
        policy = StorePolicy(*levels)
        admitted = [n for n in range(4) if policy.keeps(activation(n), IDENTITY, blocking=blocking)]
        assert admitted == kept
        assert all(policy.keeps(activation(n), IDENTITY, blocking=not blocking) for n in range(4))


def test_extra_logging_keeps_every_outcome() -> None:
    policy = StorePolicy(StoreLevel.SYSTEM_FAILURES, StoreLevel.SYSTEM_FAILURES)
    assert policy.keeps(activation(0), IDENTITY, blocking=True, extra_logging=True)


def test_namespace_that_wants_no_records_has_none() -> None:
    user = evolve(IDENTITY, limits=evolve(IDENTITY.limits, store_activations=False))
    for extra in (True, False):
        assert not StorePolicy().keeps(activation(3), user, blocking=True, extra_logging=extra)
    assert StorePolicy().keeps(
        activation(0), evolve(IDENTITY, limits=evolve(IDENTITY.limits, store_activations=True)), blocking=False
    )
