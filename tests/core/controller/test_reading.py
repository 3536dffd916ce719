"""Bodies of PUT requests that are not what they should be: the words clients know."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.core.controller import reading
from owactors.core.controller.actionput import read_action_put, read_limited
from owactors.core.controller.packageput import read_package_put
from owactors.core.controller.rejection import Rejection
from owactors.core.controller.ruleput import read_rule_put, read_status
from owactors.entity.manifest import ExecManifest

IMAGE = {"prefix": "p", "name": "i", "tag": "t"}
MANIFEST = ExecManifest.from_json(
    {"runtimes": {"nodejs": [{"kind": "nodejs:20", "default": True, "image": IMAGE}]}, "blackboxes": []}
)


def refusal(read: Any) -> str:
    with pytest.raises(Rejection) as caught:
        read()
    assert caught.value.status == 400
    head, _, detail = caught.value.text.partition("\n")
    assert head == "The request content was malformed:"
    return detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([1], "Object expected in field 'exec'"),
        ({"parameters": {}}, "parameters malformed!"),
        ({"parameters": [{"key": 1, "value": 1}]}, "parameters malformed!"),
        ({"annotations": [{"key": "a"}]}, "parameters malformed!"),
        ({"exec": {"kind": "blackbox"}}, "'image' must be a string defined in 'exec' for 'blackbox' actions"),
        (
            {"exec": {"kind": "nodejs:20", "code": "x", "main": 1}},
            "if defined, 'main' be a string in 'exec' for 'nodejs:20' actions",
        ),
        (
            {"exec": {"kind": "sequence", "components": ["/ns/a", "b$"]}},
            "requirement failed: path contains invalid parts ArraySeq(b$)",
        ),
        ({"publish": "yes"}, 'Expected JsBoolean, but got "yes"'),
        ({"version": "x"}, "semantic version malformed"),
        ({"version": 1}, "semantic version malformed"),
        ({"limits": {"timeout": "x"}}, "time limit malformed"),
        ({"limits": {"timeout": 1.5}}, "requirement failed: time limit must be whole number"),
        ({"limits": {"concurrency": 1.5}}, "requirement failed: intra concurrency limit must be whole number"),
        ({"limits": {"concurrency": True}}, "concurrency limit malformed"),
        (
            {"limits": {"instances": -1}},
            "requirement failed: Action container concurrency must be greater than or equal to 0.",
        ),
    ],
)
def test_actions(body: Any, detail: str) -> None:
    assert refusal(lambda: read_action_put(body, read_limited(body, MANIFEST))) == detail


@pytest.mark.parametrize(
    ("binding", "detail"),
    [
        (1, "Object expected in field 'namespace'"),
        ({"namespace": "a"}, "Object is missing required member 'name'"),
        ({"namespace": "a", "name": "b$"}, "entity name malformed"),
    ],
)
def test_bindings(binding: Any, detail: str) -> None:
    body = {"binding": binding}
    assert refusal(lambda: read_package_put(body, read_limited(body, MANIFEST), "ns")) == detail


def test_a_rule_that_names_nothing() -> None:
    body = {"trigger": 5}
    detail = refusal(lambda: read_rule_put(body, read_limited(body, MANIFEST), "ns"))
    assert detail == "fully qualified name malformed"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"status": "paused"}, "requirement failed: paused is not a recognized rule state"),
        ({"status": True}, "true (of class spray.json.JsTrue$)"),
        ({"status": None}, "null (of class spray.json.JsNull$)"),
        ([], "[] (of class spray.json.JsArray)"),
    ],
)
def test_statuses(body: Any, detail: str) -> None:
    assert refusal(lambda: read_status(body)) == detail


def test_kinds_are_listed_in_the_originals_order() -> None:
    kinds = {"nodejs:20", "python:3.11", "sequence", "blackbox", "java:8", "php:8.1"}
    assert reading.hash_order(kinds) == ["php:8.1", "python:3.11", "blackbox", "nodejs:20", "java:8", "sequence"]
    many = {f"kind:{number}" for number in range(500)}
    assert set(reading.hash_order(many)) == many


@pytest.mark.parametrize(
    ("image", "good"),
    [
        ("someuser/someimage:1.0", True),
        ("localhost:5000/a/b-c_d.e", True),
        ("registry.example.com/x@sha256:" + "a" * 32, True),
        ("bad image!", False),
        ("Upper/case", False),
        ("a/", False),
        ("", False),
    ],
)
def test_image_names(image: str, good: bool) -> None:
    body = {"exec": {"kind": "blackbox", "image": image}}
    if good:
        assert read_limited(body, MANIFEST).exec is not None
    else:
        assert refusal(lambda: read_limited(body, MANIFEST)) == "could not parse image name"
