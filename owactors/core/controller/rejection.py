"""A request that the controller refuses: the status and the text a client gets. (OpenWhisk, ApiUtils.scala.)"""

from __future__ import annotations

from http import HTTPStatus


class Rejection(Exception):
    """Refuses a request with `status`; an empty `text` stands for the status' own sentence.

    `activation_id` names the activation if one was begun already. `retry_after`: seconds after which the same
    request may be taken.
    """

    def __init__(
        self, status: int, text: str = "", activation_id: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(text or HTTPStatus(status).phrase)
        self.status = status
        self.text = text
        self.activation_id = activation_id
        self.retry_after = retry_after


def bad_request(text: str) -> Rejection:
    """400 with this text."""
    return Rejection(400, text)


def malformed(detail: str) -> Rejection:
    """400 for a body that cannot be read as what it should be."""
    return Rejection(400, "The request content was malformed:\n" + detail)


def malformed_query(name: str, detail: str) -> Rejection:
    """400 for a query parameter with a value of the wrong form."""
    return Rejection(400, f"The query parameter '{name}' was malformed:\n{detail}")


def forbidden(text: str = "") -> Rejection:
    """403, by default with the status' own sentence."""
    return Rejection(403, text)


def not_found(text: str = "") -> Rejection:
    """404, by default with the status' own sentence."""
    return Rejection(404, text)


def conflict(text: str = "") -> Rejection:
    """409, by default with the status' own sentence."""
    return Rejection(409, text)


def too_large(field: str, size: int, allowed: int) -> Rejection:
    """413 with both figures, in bytes."""
    return Rejection(413, f"{field} larger than allowed: {size} > {allowed} bytes.")
