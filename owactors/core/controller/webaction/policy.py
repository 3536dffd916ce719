"""What an action's annotations say about calling it over the web, and whether a request may pass."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from attrs import frozen

REQUIRE_AUTH_HEADER = "x-require-whisk-auth"


@frozen
class RunAction:
    """The request goes to the action."""


@frozen
class AnswerOptions:
    """OPTIONS is answered here, with the CORS headers and without the action."""


@frozen
class Unauthorized:
    """The caller did not show what `require-whisk-auth` asks for."""


Admission = RunAction | AnswerOptions | Unauthorized


@frozen
class WebPolicy:
    """The annotations `web-export`, `raw-http`, `web-custom-options` and `require-whisk-auth`.

    `require_auth` is None or False for an open action, True for any authenticated caller, otherwise
    the secret as text.
    """

    exported: bool
    raw: bool = False
    custom_options: bool = False
    require_auth: bool | str | None = None

    @classmethod
    def from_annotations(cls, annotations: Mapping[str, Any]) -> WebPolicy:
        """Only the boolean true counts for the switches (OpenWhisk, WebActions.scala)."""
        return cls(
            exported=annotations.get("web-export") is True,
            raw=annotations.get("raw-http") is True,
            custom_options=annotations.get("web-custom-options") is True,
            require_auth=_required(annotations.get("require-whisk-auth")),
        )

    @property
    def default_cors(self) -> bool:
        """True when the server, not the action, answers for CORS."""
        return not self.custom_options

    def admit(self, method: str, headers: Mapping[str, str], authenticated: bool) -> Admission:
        """Decide about one request; `headers` by lower-case name."""
        if method == "OPTIONS":
            return RunAction() if self.custom_options else AnswerOptions()
        if self._satisfied(headers, authenticated):
            return RunAction()
        return Unauthorized()

    def _satisfied(self, headers: Mapping[str, str], authenticated: bool) -> bool:
        if isinstance(self.require_auth, str):
            given = headers.get(REQUIRE_AUTH_HEADER)
            return given is not None and hmac.compare_digest(given.encode(), self.require_auth.encode())
        return authenticated or not self.require_auth


def _required(value: Any) -> bool | str | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() else str(value)
    return False
