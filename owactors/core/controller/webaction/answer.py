"""What a web call is answered with."""

from __future__ import annotations

from attrs import field, frozen

from owactors.core.controller.webaction.mediatype import MediaType

INVALID_MEDIA = "Response is not valid '{}'."
PROPERTY_NOT_FOUND = "Response does not include requested property."
PROCESSING_ERROR = "There was an error processing your request."
NOT_READY = "Response not yet ready."
UNKNOWN_CONTENT_TYPE = "Response did not specify a known content-type."
CONTENT_TYPE_MISMATCH = "Response type in header did not match generated content type."
PARAMETERS_NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."
ONLY_AVAILABLE_AS = "Resource representation is only available with these types:\n{}"
UNAUTHORIZED = "Authentication is possible but has failed or not yet been provided."


@frozen
class WebAnswer:
    """An HTTP answer the action made. `media` is None when there is no body and no type."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    media: MediaType | None = None
    body: bytes = field(default=b"", repr=False)


@frozen
class WebRefusal:
    """An error answer: the status and the text of its `error` field."""

    status: int
    message: str


def invalid_media(name: str) -> WebRefusal:
    """400: the result cannot be written as the media type `name`."""
    return WebRefusal(400, INVALID_MEDIA.format(name))
