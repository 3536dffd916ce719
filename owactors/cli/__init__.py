"""The command `owactors`: speaks HTTP to a node, or starts one; holds no rules of OpenWhisk.

Belongs here: options, texts and exit codes; one module per command. Does not belong here: what a node does with
a request.
"""

from __future__ import annotations


def main() -> None:
    """Entry point of the command `owactors`."""
    from owactors.cli.root import root

    root(prog_name="owactors")
