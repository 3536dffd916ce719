"""Subjects, keys and limits in the data folder of a stopped node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from owactors.store.sqlite.store import SqliteStore
from tests.cli.conftest import Run

KEY = "12345678-1234-1234-1234-123456789012:" + "s" * 64


@pytest.fixture
def user(run: Run, tmp_path: Path) -> Run:
    """`owactors user` on a data folder of this test."""

    def user(*words: object) -> Result:
        return run("user", "--data-dir", tmp_path / "data", *words)

    return user


def test_a_new_subject_gets_a_key_that_stays(user: Run) -> None:
    made = user("create", "mira-subject")

    assert (made.exit_code, len(made.stdout.strip())) == (0, 101)
    assert user("get", "mira-subject").stdout == made.stdout
    assert json.loads(user("list", "--json").stdout) == [
        {"subject": "mira-subject", "namespaces": ["mira-subject"], "blocked": False}
    ]


def test_a_subject_may_have_several_namespaces(user: Run) -> None:
    user("create", "mira-subject", "--namespace", "mira")
    second = user("create", "mira-subject", "--namespace", "staging", "--auth", KEY)

    assert second.stdout.strip() == KEY
    assert user("get", "mira-subject", "--namespace", "staging").stdout.strip() == KEY
    assert user("get", "mira-subject", "--namespace", "other").exit_code == 3
    assert "mira, staging" in user("list").stdout

    assert user("delete", "mira-subject", "--namespace", "mira").exit_code == 0
    assert user("get", "mira-subject").stdout.strip() == KEY
    assert user("delete", "mira-subject", "--namespace", "staging").exit_code == 0
    assert user("get", "mira-subject").exit_code == 3


def test_a_namespace_belongs_to_one_subject(user: Run) -> None:
    user("create", "mira-subject", "--namespace", "mira")

    result = user("create", "aria-subject", "--namespace", "mira")

    assert result.exit_code == 6
    assert "namespace mira exists already" in result.stderr


def test_a_blocked_subject_is_no_identity_any_more(user: Run) -> None:
    user("create", "mira-subject")

    assert user("block", "mira-subject").exit_code == 0
    assert json.loads(user("get", "mira-subject", "--json").stdout)["blocked"] is True
    assert "blocked" in user("list").stdout
    assert user("unblock", "mira-subject").exit_code == 0
    assert "blocked" not in user("list").stdout


def test_limits_are_set_shown_and_cleared(user: Run) -> None:
    user("create", "mira-subject", "--namespace", "mira")

    user("limits", "mira", "--invocations-per-minute", "5")
    changed = user("limits", "mira", "--fires-per-minute", "0")

    assert json.loads(changed.stdout) == {"invocationsPerMinute": 5, "firesPerMinute": 0}
    assert json.loads(user("limits", "mira").stdout) == json.loads(changed.stdout)
    assert json.loads(user("limits", "mira", "--clear").stdout) == {}


@pytest.mark.parametrize(
    ("words", "exit_code", "text"),
    [
        (("create", "abc"), 2, "at least 5 characters"),
        (("create", "mira-subject", "--auth", "half"), 2, "uuid:key"),
        (("block", "nobody"), 3, "no subject nobody"),
        (("delete", "nobody"), 3, "no subject nobody"),
    ],
)
def test_what_cannot_be_done_is_told(user: Run, words: tuple[str, ...], exit_code: int, text: str) -> None:
    result = user(*words)

    assert result.exit_code == exit_code
    assert text in result.stderr


def test_a_data_folder_in_use_is_left_alone(user: Run, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "data")
    try:
        result = user("create", "mira-subject")
    finally:
        store.close_now()

    assert result.exit_code == 6
    assert "in use by process" in result.stderr


def test_the_memory_store_has_no_users_to_change(run: Run) -> None:
    result = run("user", "--set", "store.backend=memory", "list")

    assert result.exit_code == 2
    assert "forgets its users" in result.stderr
