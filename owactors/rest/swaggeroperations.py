"""The operations of the API's description: what they are for, what they take, and every status they answer."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from owactors.rest.swaggerschemas import ID_PATTERN, NAME_PATTERN

_NAME = {"type": "string", "pattern": NAME_PATTERN}
PLACES: dict[str, dict[str, Any]] = {
    "namespace": {**_NAME, "description": "The namespace; _ stands for the caller's own."},
    "packageName": {**_NAME, "description": "A package or binding."},
    "actionName": {**_NAME, "description": "An action."},
    "triggerName": {**_NAME, "description": "A trigger."},
    "ruleName": {**_NAME, "description": "A rule."},
    "activationid": {"type": "string", "pattern": ID_PATTERN, "description": "Of an activation."},
    "extension": {"type": "string", "enum": ["json", "html", "http", "svg", "text"], "description": "What comes back."},
}
_WHOLE, _FLAG = {"type": "integer"}, {"type": "boolean"}
_EPOCH = {"type": "integer", "format": "int64", "description": "Epoch milliseconds."}
_LIST: dict[str, dict[str, Any]] = {
    "limit": {"type": "integer", "minimum": 0, "maximum": 200, "description": "0 stands for the most there may be."},
    "skip": {"type": "integer", "minimum": 0},
    "count": {**_FLAG, "description": "The number instead of the rows."},
}
_RECORDS: dict[str, dict[str, Any]] = {
    **_LIST,
    "docs": {**_FLAG, "description": "Whole records."},
    "name": {"type": "string", "description": "action or package/action"},
    "since": _EPOCH,
    "upto": _EPOCH,
}
_OVERWRITE: dict[str, dict[str, Any]] = {"overwrite": _FLAG}
_INVOKE: dict[str, dict[str, Any]] = {
    "blocking": _FLAG,
    "result": {**_FLAG, "description": "Only the result."},
    "timeout": {"type": "integer", "minimum": 1, "maximum": 60000, "description": "The longest wait in ms."},
}
_REFUSALS: dict[int, str] = {
    400: "Something of the request is malformed",
    401: "No valid credentials",
    403: "Not allowed",
    404: "There is no such thing",
    405: "No such method here",
    406: "The client does not take JSON",
    409: "It exists, is of another kind, or was changed meanwhile",
    413: "Too large",
    414: "The URI is too long",
    415: "The body must be application/json",
    422: "Bindings that form a circle",
    429: "Too many requests a minute, or too many activations at once",
    500: "The platform failed the activation",
    502: "The activation ended in an error",
    503: "The store is away, or no invoker can take the activation",
}
_ALWAYS = (400, 401, 403, 404, 406, 414, 503)
_WRITES = (*_ALWAYS, 409, 413, 415, 422)


@frozen
class Operation:
    """One verb of a path. `answers`: definition by status, "" for a body that says nothing or none."""

    summary: str
    answers: dict[int, str]
    refusals: tuple[int, ...] = _ALWAYS
    query: dict[str, dict[str, Any]] = field(factory=dict)
    body: str = ""
    forms: tuple[str, ...] = ("application/json", "text/plain")

    def responses(self) -> dict[str, dict[str, Any]]:
        """As Swagger has them."""
        shown = {str(status): _response("Done", name) for status, name in self.answers.items()}
        for status in self.refusals:
            name = "" if status == 414 else "Anything" if status in (500, 502) else "Error"
            shown[str(status)] = _response(_REFUSALS[status], name)
        return shown

    @property
    def produces(self) -> list[str]:
        """Content types of its answers."""
        return list(self.forms)


def _response(description: str, name: str) -> dict[str, Any]:
    if not name:
        return {"description": description}
    return {"description": description, "schema": {"$ref": f"#/definitions/{name}"}}


def _list(what: str, row: str, query: dict[str, dict[str, Any]] = _LIST) -> Operation:
    return Operation(f"List {what}", {200: f"{row}s"}, query=query)


def _get(what: str, form: str, query: dict[str, dict[str, Any]] | None = None) -> Operation:
    return Operation(f"Get {what}", {200: form}, (*_ALWAYS, 409, 422), query or {})


def _put(what: str, body: str, form: str) -> Operation:
    return Operation(f"Create or update {what}", {200: form}, _WRITES, _OVERWRITE, body)


def _delete(what: str, form: str, query: dict[str, dict[str, Any]] | None = None) -> Operation:
    return Operation(f"Delete {what}", {200: form, 204: ""}, (*_ALWAYS, 409, 422), query or {})


_INVOKE_OPERATION = Operation(
    "Invoke an action",
    {200: "Anything", 202: "ActivationId"},
    (*_WRITES, 429, 500, 502),
    _INVOKE,
    "Object",
)


def _action(what: str) -> dict[str, Operation]:
    return {
        "get": _get(what, "Action", {"code": {**_FLAG, "description": "Default true."}}),
        "put": _put(what, "ActionPut", "Action"),
        "post": _INVOKE_OPERATION,
        "delete": _delete(what, "Action"),
    }


_BASE = "/namespaces/{namespace}"
_ONLY_AUTHENTICATED = (401, 406, 414, 503)
API: dict[str, dict[str, Operation]] = {
    "/namespaces": {"get": Operation("List the caller's namespaces", {200: "Texts"}, _ONLY_AUTHENTICATED)},
    f"{_BASE}/actions": {"get": _list("actions", "ActionRow")},
    f"{_BASE}/actions/{{actionName}}": _action("an action"),
    f"{_BASE}/actions/{{packageName}}/": {
        "get": Operation("List the actions of a package", {200: "ActionRows"}, (*_ALWAYS, 409, 422), _LIST)
    },
    f"{_BASE}/actions/{{packageName}}/{{actionName}}": _action("an action of a package"),
    f"{_BASE}/packages": {"get": _list("packages", "PackageRow")},
    f"{_BASE}/packages/{{packageName}}": {
        "get": _get("a package", "Package"),
        "put": _put("a package or binding", "PackagePut", "Package"),
        "delete": _delete("a package", "Package", {"force": {**_FLAG, "description": "Its actions too."}}),
    },
    f"{_BASE}/triggers": {"get": _list("triggers", "TriggerRow")},
    f"{_BASE}/triggers/{{triggerName}}": {
        "get": _get("a trigger", "Trigger"),
        "put": _put("a trigger", "TriggerPut", "Trigger"),
        "post": Operation("Fire a trigger", {202: "ActivationId", 204: ""}, (*_WRITES, 429), body="Object"),
        "delete": _delete("a trigger", "Trigger"),
    },
    f"{_BASE}/rules": {"get": _list("rules", "RuleRow")},
    f"{_BASE}/rules/{{ruleName}}": {
        "get": _get("a rule", "Rule"),
        "put": _put("a rule", "RulePut", "Rule"),
        "post": Operation("Enable or disable a rule", {200: ""}, _WRITES, body="RuleStatus"),
        "delete": _delete("a rule", "Rule"),
    },
    f"{_BASE}/activations": {"get": _list("activation records", "ActivationRow", _RECORDS)},
    f"{_BASE}/activations/{{activationid}}": {"get": Operation("Get a record", {200: "Activation"})},
    f"{_BASE}/activations/{{activationid}}/result": {"get": Operation("Get a result", {200: "Response"})},
    f"{_BASE}/activations/{{activationid}}/logs": {"get": Operation("Get logs", {200: "Logs"})},
    f"{_BASE}/activations/{{activationid}}/explain": {"get": Operation("Tell what became of a call", {200: "Story"})},
    f"{_BASE}/activations/follow": {
        "get": Operation(
            "Follow records: an event with each one as it is kept, and with `lines` events with what is printed before",
            {200: ""},
            query={"name": _RECORDS["name"], "lines": {"type": "boolean"}},
            forms=("text/event-stream", "application/json", "text/plain"),
        )
    },
    f"{_BASE}/limits": {"get": Operation("Get the limits of a namespace", {200: "Object"})},
}
SERVER: dict[str, dict[str, Operation]] = {
    "/": {"get": Operation("Limits and runtimes of this deployment", {200: "Object"}, (414,))},
    "/ping": {"get": Operation("Whether the server is there", {200: ""}, (414,), forms=("text/plain",))},
    "/invokers": {"get": Operation("The states of the invokers", {200: "Object"}, (414,))},
    "/invokers/healthy/count": {"get": Operation("How many invokers are up", {200: "Whole"}, (414,))},
    "/invokers/ready": {
        "get": Operation("200 if all invokers are up, else 500", {200: "Object", 500: "Object"}, (414,))
    },
    "/activation": {"get": Operation("Activations in flight", {200: "Pairs"}, (414,))},
    "/activation/count": {"get": Operation("How many activations are in flight", {200: "Whole"}, (414,))},
}
