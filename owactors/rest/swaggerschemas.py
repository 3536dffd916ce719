"""The forms of bodies in the API's description, as Swagger 2.0 definitions."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

#: the texts that `owactors.entity.names.is_entity_name` takes
NAME_PATTERN = "^([A-Za-z0-9_]|[A-Za-z0-9_][A-Za-z0-9_@ .&-]{0,254}[A-Za-z0-9_@.&-])$"
ID_PATTERN = "^[0-9a-f]{32}$"


def ref(name: str) -> Schema:
    """A reference to a definition."""
    return {"$ref": f"#/definitions/{name}"}


def array(items: Schema) -> Schema:
    """An array of these."""
    return {"type": "array", "items": items}


def _object(required: str = "", **properties: Schema) -> Schema:
    found: Schema = {"type": "object", "properties": properties}
    return {**found, "required": required.split()} if required else found


def _rows(collection: str) -> Schema:
    """A list: Swagger 2.0 has no words for one form or another."""
    return {"description": f'An array of rows or, with count=true, {{"{collection}": number}}; records with docs=true.'}


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_FLAG: Schema = {"type": "boolean"}
_ANY: Schema = {}
_ID: Schema = {"type": "string", "pattern": ID_PATTERN}
_PAIRS = array(ref("KeyValue"))
_NAMED = {"namespace": _TEXT, "name": _TEXT, "version": _TEXT, "publish": _FLAG, "annotations": _PAIRS}
_NAMED_FIELDS = "namespace name version publish annotations"
_PUT = {"version": {"type": "string", "pattern": r"^\d{1,6}(\.\d{1,6}){0,2}$"}, "publish": _FLAG, "annotations": _PAIRS}
_QUALIFIED = _object("path name", path=_TEXT, name=_TEXT)
_STATUS: Schema = {"type": "string", "enum": ["active", "inactive"]}

DEFINITIONS: dict[str, Schema] = {
    "Error": _object("error code", error=_TEXT, code=_TEXT),
    "KeyValue": _object("key value", key=_TEXT, value=_ANY, init=_FLAG, encryption={**_TEXT, "x-nullable": True}),
    "Limits": _object(timeout=_WHOLE, memory=_WHOLE, logs=_WHOLE, concurrency=_WHOLE, instances=_WHOLE),
    "Exec": _object("kind", kind=_TEXT, code=_TEXT, image=_TEXT, main=_TEXT, components=array(_TEXT)),
    "ExecShown": _object(
        "kind", kind=_TEXT, binary=_FLAG, code=_TEXT, image=_TEXT, main=_TEXT, components=array(_TEXT)
    ),
    "ActionPut": _object(
        "", **_PUT, exec=ref("Exec"), parameters=_PAIRS, limits=ref("Limits"), delAnnotations=array(_TEXT)
    ),
    "Action": _object(
        f"{_NAMED_FIELDS} exec parameters limits updated",
        **_NAMED,
        exec=ref("ExecShown"),
        parameters=_PAIRS,
        limits=ref("Limits"),
        updated=_WHOLE,
    ),
    "ActionRow": _object(f"{_NAMED_FIELDS} updated", **_NAMED, updated=_WHOLE),
    "PackagePut": _object("", **_PUT, parameters=_PAIRS, binding=_object("", namespace=_TEXT, name=_TEXT)),
    "Package": _object(
        f"{_NAMED_FIELDS} parameters binding updated",
        **_NAMED,
        parameters=_PAIRS,
        binding=_object("", namespace=_TEXT, name=_TEXT),
        updated=_WHOLE,
        actions=array(_object("name version annotations", name=_TEXT, version=_TEXT, annotations=_PAIRS)),
        feeds=array(_object("name version annotations", name=_TEXT, version=_TEXT, annotations=_PAIRS)),
    ),
    "PackageRow": _object(f"{_NAMED_FIELDS} updated", **_NAMED, updated=_WHOLE),
    "TriggerPut": _object("", **_PUT, parameters=_PAIRS, limits=_object()),
    "Trigger": _object(
        f"{_NAMED_FIELDS} parameters updated", **_NAMED, parameters=_PAIRS, rules=_object(), updated=_WHOLE
    ),
    "TriggerRow": _object(f"{_NAMED_FIELDS} updated", **_NAMED, updated=_WHOLE),
    "RulePut": _object("", **_PUT, trigger=_TEXT, action=_TEXT),
    "Rule": _object(
        f"{_NAMED_FIELDS} trigger action status updated",
        **_NAMED,
        trigger=_QUALIFIED,
        action=_QUALIFIED,
        status=_STATUS,
        updated=_WHOLE,
    ),
    "RuleRow": _object(f"{_NAMED_FIELDS} trigger action updated", **_NAMED, trigger=_QUALIFIED, action=_QUALIFIED),
    "RuleStatus": _object("status", status=_STATUS),
    "Response": _object("status success", status=_TEXT, success=_FLAG, result=_ANY, size=_WHOLE),
    "Activation": _object(
        f"{_NAMED_FIELDS} activationId subject start response logs",
        **_NAMED,
        activationId=_ID,
        subject=_TEXT,
        start=_WHOLE,
        end=_WHOLE,
        duration=_WHOLE,
        cause=_ID,
        response=ref("Response"),
        logs=array(_TEXT),
    ),
    "ActivationRow": _object(
        f"{_NAMED_FIELDS} activationId start",
        **_NAMED,
        activationId=_ID,
        start=_WHOLE,
        end=_WHOLE,
        duration=_WHOLE,
        statusCode=_WHOLE,
        cause=_ID,
    ),
    "ActivationId": _object("activationId", activationId=_ID),
    "Logs": _object("logs", logs=array(_TEXT)),
    "Story": _object(
        "activationId namespace ended steps",
        activationId=_ID,
        namespace=_TEXT,
        name=_TEXT,
        ended=_FLAG,
        status=_TEXT,
        steps=array(_object("at after who what", at=_WHOLE, after=_WHOLE, who=_TEXT, what=_TEXT)),
    ),
    "Anything": _ANY,
    "Object": _object(),
    "Texts": array(_TEXT),
    "Whole": _WHOLE,
    "Pairs": array(array(_TEXT)),
    "ActionRows": _rows("actions"),
    "PackageRows": _rows("packages"),
    "TriggerRows": _rows("triggers"),
    "RuleRows": _rows("rules"),
    "ActivationRows": _rows("activations"),
}
