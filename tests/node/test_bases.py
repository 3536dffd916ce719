import os

import pytest

from owactors.node import bases
from owactors.node.settings import BadSetting, Settings, load

SMALL = {
    "limits.parameters_max": "4 KB",
    "limits.code_max": "12 KB",
    "limits.payload_max": "8 KB",
    "limits.payload_truncation": "8 KB",
    "limits.logs_min": "0 MB",
    "limits.logs_default": "0 MB",
    "limits.logs_max": "0 MB",
}


def with_base(base: str, **more: str) -> Settings:
    return load(overrides={"actors.base": base, **more}, environ={"XDG_CONFIG_HOME": "/nowhere"})


def test_our_own_works_here_without_a_word() -> None:
    assert bases.check(with_base("own")) == []


def test_without_process_descriptors_our_own_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    with pytest.raises(bases.BaseRefused, match=r'Linux 5.4 or later, or set actors.base to "multiprocTCPBase"'):
        bases.check(with_base("own"))


def test_a_stock_base_works_and_says_what_it_costs() -> None:
    (told,) = bases.check(with_base("multiprocTCPBase"))
    assert "open to everybody" in told


def test_datagrams_are_refused_where_the_limits_are_larger() -> None:
    with pytest.raises(bases.BaseRefused, match=r"limits.code_max = 48 MB.*must together be 32 KB or less. Lower them"):
        bases.check(with_base("multiprocUDPBase"))


def test_datagrams_do_for_small_limits() -> None:
    assert bases.LOSSY in bases.check(with_base("multiprocUDPBase", **SMALL))


def test_a_base_that_cannot_carry_a_node_is_no_choice() -> None:
    with pytest.raises(BadSetting, match="multiprocUDPBase"):
        with_base("simpleSystemBase")
