"""Who may call a web action, and what OPTIONS means."""

from __future__ import annotations

import pytest

from owactors.core.controller.webaction.cors import ALLOWED_HEADERS, cors_headers, with_defaults
from owactors.core.controller.webaction.policy import AnswerOptions, RunAction, Unauthorized, WebPolicy


def policy(**annotations: object) -> WebPolicy:
    return WebPolicy.from_annotations({name.replace("_", "-"): value for name, value in annotations.items()})


@pytest.mark.scenario("W02")
@pytest.mark.parametrize(("value", "exported"), [(True, True), ("true", False), (1, False), (False, False)])
def test_only_true_exports(value: object, exported: bool) -> None:
    assert policy(web_export=value).exported is exported
    assert not policy().exported


@pytest.mark.scenario("W10")
def test_authentication_required() -> None:
    needed = policy(require_whisk_auth=True)
    assert needed.admit("GET", {}, authenticated=False) == Unauthorized()
    assert needed.admit("GET", {}, authenticated=True) == RunAction()


@pytest.mark.scenario("W11")
@pytest.mark.parametrize("secret", ["secret", 123])
def test_secret_required(secret: object) -> None:
    needed = policy(require_whisk_auth=secret)
    given = {"x-require-whisk-auth": str(secret)}
    assert needed.admit("GET", given, authenticated=False) == RunAction()
    assert needed.admit("GET", {"x-require-whisk-auth": "other"}, authenticated=True) == Unauthorized()
    assert needed.admit("GET", {}, authenticated=True) == Unauthorized()


@pytest.mark.parametrize("annotations", [{}, {"require_whisk_auth": False}])
def test_open_actions(annotations: dict[str, object]) -> None:
    assert policy(**annotations).admit("POST", {}, authenticated=False) == RunAction()


@pytest.mark.scenario("W12")
def test_options_is_answered_or_passed_on() -> None:
    assert policy(require_whisk_auth=True).admit("OPTIONS", {}, False) == AnswerOptions()
    custom = policy(web_custom_options=True, require_whisk_auth=True)
    assert custom.admit("OPTIONS", {}, False) == RunAction()
    assert custom.admit("GET", {}, False) == Unauthorized()
    assert not custom.default_cors


@pytest.mark.scenario("W12")
def test_requested_headers_are_echoed() -> None:
    assert dict(cors_headers("x-custom,x-b"))["Access-Control-Allow-Headers"] == "x-custom, x-b"
    assert dict(cors_headers())["Access-Control-Allow-Headers"] == ALLOWED_HEADERS
    assert dict(cors_headers(""))["Access-Control-Allow-Headers"] == ALLOWED_HEADERS


def test_the_actions_own_cors_headers_win() -> None:
    own = (("access-control-allow-origin", "https://one.example"), ("x", "y"))
    headers = with_defaults(own, cors_headers())
    origins = [value for name, value in headers if name.lower() == "access-control-allow-origin"]
    assert origins == ["https://one.example"]
    assert len(headers) == 4
