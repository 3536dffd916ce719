"""Why a command fails: one sentence with the next step, and an exit code that scripts can use."""

from __future__ import annotations

from typing import IO, Any

import click

ACTION_FAILED = 1
USAGE = 2
NOT_FOUND = 3
REFUSED = 4
NO_NODE = 5
NODE_ERROR = 6
NOT_FINISHED = 7

EXIT_CODES = """\b
Exit codes:
  0  done
  1  the action failed, or a check of doctor
  2  wrong usage or settings
  3  not found
  4  the key was refused
  5  no node could be reached, or it could not start
  6  the node refused the request (conflict, limits, size) or failed
  7  accepted, but not finished in time
"""


class Failure(click.ClickException):
    """Ends the command with `exit_code`; the message is written to stderr in one line."""

    exit_code: int  # type: ignore[misc]  # click declares it as a class variable

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"{click.style('error:', fg='red')} {self.message}", file=file, err=file is None)
