"""Code kept beside an action's document as an attachment. (OpenWhisk, AttachmentSupport.scala, Attachments.scala.)

In a document `exec.code` is the text itself, or `{attachmentName, attachmentType, length?, digest?}`:
`mem:<url-safe base64>` holds the bytes in its name, `couch:<name>` (or a bare name) points to an attachment.
Binary code (base64 in the API) is kept as the decoded bytes.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Any

from attrs import frozen

TEXT_TYPE = "text/plain; charset=UTF-8"
BINARY_TYPE = "application/octet-stream"
_INLINE = "mem:"
_STORED = "couch:"


@frozen
class Attachment:
    """Bytes to keep under `name` (without scheme) beside the document."""

    name: str
    content_type: str
    data: bytes


def detach(document: dict[str, Any], max_inline: int) -> tuple[dict[str, Any], Attachment | None]:
    """The document to store and, if its code has `max_inline` bytes or more, the attachment to store after it."""
    code = document.get("exec", {}).get("code")
    if not isinstance(code, str) or len(code) < max_inline // 4:
        return document, None
    binary = bool(document["exec"].get("binary"))
    data = _decoded(code) if binary else code.encode("utf-8", "surrogatepass")
    if data is None or len(data) < max_inline:
        return document, None
    attachment = Attachment(str(uuid.uuid4()), BINARY_TYPE if binary else TEXT_TYPE, data)
    pointer = {"attachmentName": _STORED + attachment.name, "attachmentType": attachment.content_type}
    return {**document, "exec": {**document["exec"], "code": pointer}}, attachment


def _decoded(code: str) -> bytes | None:
    try:
        return base64.b64decode(code.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None


def attachment_name(document: dict[str, Any]) -> str | None:
    """The attachment that holds the document's code, None when the code is in the document."""
    code = document.get("exec", {}).get("code")
    if not isinstance(code, dict):
        return None
    name = str(code.get("attachmentName", ""))
    return None if name.startswith(_INLINE) else name.removeprefix(_STORED)


def attach(document: dict[str, Any], data: bytes | None = None) -> dict[str, Any]:
    """The document with its code as text; `data` is the attachment's content where there is one."""
    code = document.get("exec", {}).get("code")
    if not isinstance(code, dict):
        return document
    name = str(code.get("attachmentName", ""))
    if data is None:
        data = base64.urlsafe_b64decode(name.removeprefix(_INLINE)) if name.startswith(_INLINE) else b""
    text_type = str(code.get("attachmentType", TEXT_TYPE)).startswith("text/")
    binary = bool(document["exec"].get("binary")) or not text_type
    text = base64.b64encode(data).decode() if binary else data.decode("utf-8", "replace")
    return {**document, "exec": {**document["exec"], "code": text}}
