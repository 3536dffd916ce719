"""Code inside a document, in the name of an attachment, or in an attachment."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owactors.core.attachment import BINARY_TYPE, TEXT_TYPE, attach, attachment_name, detach

SAMPLES = Path(__file__).parents[1] / "data" / "wire_samples"
RECORDED = Path(__file__).parents[1] / "data" / "wire_recordings" / "couchdb"
INLINE = 16 * 1024


def inline(data: bytes, content_type: str, binary: bool) -> dict[str, Any]:
    """A document as OpenWhisk keeps small code."""
    name = "mem:" + base64.urlsafe_b64encode(data).decode()
    code = {"attachmentName": name, "attachmentType": content_type, "length": len(data), "digest": "sha256-0"}
    return {"exec": {"kind": "python:3", "code": code, "binary": binary}}


@pytest.mark.scenario("WIRE-10")
@given(data=st.binary(max_size=60))
def test_bytes_in_a_name_are_url_safe_base64_with_padding(data: bytes) -> None:
    document = inline(data, BINARY_TYPE, True)
    assert attachment_name(document) is None
    assert attach(document)["exec"]["code"] == base64.b64encode(data).decode()
    assert document["exec"]["code"]["attachmentName"].count("/") == 0


@pytest.mark.scenario("WIRE-10")
@given(text=st.text(max_size=60))
def test_text_in_a_name_comes_back_as_text(text: str) -> None:
    assert attach(inline(text.encode(), TEXT_TYPE, False))["exec"]["code"] == text


@pytest.mark.scenario("WIRE-10")
@pytest.mark.parametrize("length, apart", [(INLINE - 1, False), (INLINE, True)])
@pytest.mark.parametrize("binary", [True, False])
def test_the_limit_is_on_the_bytes_and_strict(length: int, apart: bool, binary: bool) -> None:
    data = b"x" * length
    code = base64.b64encode(data).decode() if binary else data.decode()
    document, attachment = detach({"exec": {"kind": "python:3", "code": code, "binary": binary}}, INLINE)
    assert (attachment is not None) is apart
    if attachment is not None:
        assert (attachment.data, attachment.content_type) == (data, BINARY_TYPE if binary else TEXT_TYPE)
        assert attach(document, attachment.data)["exec"]["code"] == code


@pytest.mark.scenario("WIRE-11")
def test_the_document_points_with_its_scheme_and_the_attachment_has_the_bare_name() -> None:
    document, attachment = detach({"exec": {"kind": "python:3", "code": "x" * INLINE, "binary": False}}, INLINE)
    assert attachment is not None
    assert document["exec"]["code"] == {"attachmentName": f"couch:{attachment.name}", "attachmentType": TEXT_TYPE}
    assert len(attachment.name) == 36
    assert attachment_name(document) == attachment.name


@pytest.mark.scenario("WIRE-11")
def test_recorded_documents_have_one_attachment_of_the_name_they_point_to() -> None:
    entries = json.loads((RECORDED / "actions_attached.json").read_text())
    assert len(entries) == 2
    for entry in entries:
        assert list(entry["doc"]["_attachments"]) == [attachment_name(entry["doc"])]
        assert int(entry["doc"]["_rev"].partition("-")[0]) % 2 == 0


def test_attachments_of_very_old_documents_have_no_scheme() -> None:
    document = json.loads((SAMPLES / "action_doc_attached.json").read_text())
    old = copy.deepcopy(document)
    old["exec"]["code"]["attachmentName"] = "codefile"
    assert attachment_name(old) == "codefile"
    old["exec"]["jar"] = old["exec"].pop("code")
    assert attach(old) == old
