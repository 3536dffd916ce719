"""Parameters that are encrypted in the store: what is kept, shown, sent to an invoker."""

from __future__ import annotations

import os
from typing import Any

import pytest

from owactors.core.arguments import unlock_arguments
from owactors.core.parameterencryption import ParameterEncryption
from tests.rest.chainbench import Bench, played, shown

KEYS = {"aes-128": (bytes(range(16)),), "aes-256": (bytes(range(32)),)}
ACTION = "/namespaces/_/actions/a"


def encrypting(current: str = "aes-256") -> ParameterEncryption:
    return ParameterEncryption(current, KEYS, os.urandom)


def locked_bench(current: str = "aes-256") -> Bench:
    bench = Bench()
    bench.application.services.lock = encrypting(current).lock
    return bench


@pytest.mark.scenario("A33")
def test_the_store_has_no_secret_and_the_invoker_gets_it() -> None:
    async def scene(bench: Bench) -> None:
        secret = [{"key": "token", "value": "s3cret"}]
        await bench.request("PUT", "/namespaces/_/packages/p", {"parameters": [{"key": "pp", "value": {"x": 1}}]})
        await bench.function("p/a", lambda c: {}, parameters=secret)
        for doc_id in ("guest/p", "guest/p/a"):
            kept = (await bench.store.entities.get(doc_id))["parameters"]
            assert [each["encryption"] for each in kept] == ["aes-256"]
            assert "s3cret" not in str(kept)
        assert "s3cret" not in str(shown(await bench.request("GET", "/namespaces/_/actions/p/a")))
        await bench.request("POST", "/namespaces/_/actions/p/a?blocking=true", {"own": 1})
        message = bench.functions.messages[0]
        assert message.locked_args == {"token": "aes-256", "pp": "aes-256"}
        opened = unlock_arguments(message.content, message.locked_args, encrypting().unlocks)
        assert opened == {"token": "s3cret", "pp": {"x": 1}, "own": 1}

    played(scene, locked_bench())


def test_what_the_caller_sends_is_not_locked() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {}, parameters=[{"key": "token", "value": "s3cret"}])
        await bench.request("POST", f"{ACTION}?blocking=true", {"token": "mine"})
        message = bench.functions.messages[0]
        assert (message.locked_args, message.content) == ({}, {"token": "mine"})

    played(scene, locked_bench())


def test_an_update_locks_anew_with_the_algorithm_of_today() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {}, parameters=[{"key": "token", "value": "s3cret"}])
        bench.application.services.lock = encrypting("aes-256").lock
        await bench.request("PUT", f"{ACTION}?overwrite=true", {"limits": {"memory": 128}})
        kept = (await bench.store.entities.get("guest/a"))["parameters"]
        assert [each["encryption"] for each in kept] == ["aes-256"]
        await bench.request("POST", f"{ACTION}?blocking=true", {})
        message = bench.functions.messages[0]
        assert unlock_arguments(message.content, message.locked_args, encrypting().unlocks) == {"token": "s3cret"}

    played(scene, locked_bench("aes-128"))


def test_components_of_a_sequence_stay_readable_and_keep_their_secrets() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", lambda c: {"v": 1}, parameters=[{"key": "token", "value": "s3cret"}])
        await bench.sequence("s", "/_/a", "/_/a")
        listed: Any = shown(await bench.request("GET", "/namespaces/_/actions/s"))["parameters"]
        assert listed == [{"key": "_actions", "value": ["/guest/a", "/guest/a"]}]
        await bench.request("POST", "/namespaces/_/actions/s?blocking=true", {})
        first, second = bench.functions.messages
        assert first.locked_args == second.locked_args == {"token": "aes-256"}
        assert unlock_arguments(second.content, second.locked_args, encrypting().unlocks) == {
            "token": "s3cret",
            "v": 1,
        }

    played(scene, locked_bench())
