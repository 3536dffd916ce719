"""Every document of a running OpenWhisk is read, and written back as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from owactors.core.attachment import attach, attachment_name
from owactors.entity.action import WhiskAction
from owactors.entity.activation import WhiskActivation
from owactors.entity.exec import CodeExec
from owactors.entity.limits import UserLimits
from owactors.entity.manifest import ExecManifest
from owactors.entity.package import WhiskPackage
from owactors.entity.rule import WhiskRule
from owactors.entity.subject import SubjectDocument
from owactors.entity.trigger import WhiskTrigger

DATA = Path(__file__).parents[1] / "data"
MANIFEST = ExecManifest.from_json(json.loads((DATA / "wire_samples" / "runtimes_manifest.json").read_text()))
#: what belongs to the database
OUTSIDE = {"_rev", "_attachments"}


def _action(document: Any) -> Any:
    return WhiskAction.from_json(document, MANIFEST).to_document()


def _record(document: Any) -> Any:
    return WhiskActivation.from_json(document).to_document(document["updated"])


BACK: dict[str, Callable[[Any], Any]] = {
    "actions": _action,
    "actions_attached": _action,
    "actions_blackbox": _action,
    "sequences": _action,
    "packages": lambda document: WhiskPackage.from_json(document).to_document(),
    "bindings": lambda document: WhiskPackage.from_json(document).to_document(),
    "triggers": lambda document: WhiskTrigger.from_json(document).to_document(),
    "rules": lambda document: WhiskRule.from_json(document).to_document(),
    "activations": _record,
    "activations_health": _record,
    "activations_sequence": _record,
    "activations_trigger": _record,
    "subjects": lambda document: SubjectDocument.from_json(document).to_document(),
    "limits": lambda document: {**UserLimits.from_json(document).to_json(), "_id": document["_id"]},
}


def recorded(name: str) -> list[dict[str, Any]]:
    """The documents of one file."""
    return [entry["doc"] for entry in json.loads((DATA / "wire_recordings" / "couchdb" / f"{name}.json").read_text())]


def test_every_kind_is_read() -> None:
    names = {file.stem for file in (DATA / "wire_recordings" / "couchdb").glob("*.json")}
    assert names == BACK.keys() | {"design_docs"}


@pytest.mark.parametrize("name", BACK)
def test_every_document_survives_reading_and_writing(name: str) -> None:
    documents = recorded(name)
    assert documents
    for document in documents:
        written = BACK[name](document)
        plain = [
            json.dumps({field: part for field, part in value.items() if field not in OUTSIDE}, sort_keys=True)
            for value in (written, document)
        ]
        assert plain[0] == plain[1], document["_id"]
        assert written.get("_rev", document["_rev"]) == document["_rev"]


@pytest.mark.parametrize("name", ["actions", "actions_attached", "actions_blackbox"])
def test_the_code_of_every_action_is_found(name: str) -> None:
    found = 0
    for document in recorded(name):
        stored = attachment_name(document)
        data = None if stored is None else b"def main(args): pass"
        action = WhiskAction.from_json(attach(document, data), MANIFEST)
        if isinstance(action.exec, CodeExec):
            assert action.code, document["_id"]
            found += 1
    assert found or name == "actions_blackbox"
