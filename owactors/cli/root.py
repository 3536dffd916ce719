"""The group of all commands. A command's module is imported when it is used, so that each starts fast."""

from __future__ import annotations

from importlib import import_module

import click

from owactors.cli.failure import EXIT_CODES

#: Command -> (module, attribute).
COMMANDS = {
    "standalone": ("standalone", "standalone"),
    "node": ("node", "node"),
    "nodes": ("nodes", "nodes"),
    "drain": ("nodes", "drain"),
    "enable": ("nodes", "enable"),
    "disable": ("nodes", "disable"),
    "controller": ("controller", "controller"),
    "invoker": ("invoker", "invoker"),
    "events": ("events", "events"),
    "deploy": ("deploy", "deploy"),
    "invoke": ("invoke", "invoke"),
    "action": ("action", "action"),
    "activations": ("activations", "activations"),
    "logs": ("logs", "logs"),
    "explain": ("explain", "explain"),
    "user": ("user", "user"),
    "status": ("status", "status"),
    "store": ("store", "store"),
    "config": ("config", "config"),
    "doctor": ("doctor", "doctor"),
    "version": ("version", "version"),
    "tour": ("tour", "tour"),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"owactors.cli.{module}"), attribute)
        return command


@click.command(cls=LazyGroup, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
def root() -> None:
    """Run functions as Apache OpenWhisk does, on this machine.

    Start a node with `owactors standalone`; the other commands speak to it.
    """
