"""`owactors user`: who may call, with which key and limits. Works on the store itself, not through a node."""

from __future__ import annotations

import secrets
import string
from pathlib import Path
from uuid import uuid4

import click

from owactors.cli import subjects
from owactors.cli.failure import NOT_FOUND, USAGE, Failure
from owactors.cli.nodesettings import load_settings, settings_options
from owactors.cli.output import done, json_option, write_json, write_table
from owactors.cli.subjects import LIMITS, with_subjects
from owactors.entity.ids import SECRET_LENGTH, BasicAuthKey
from owactors.entity.subject import SubjectDocument
from owactors.node.settings import Settings

_LETTERS = string.ascii_letters + string.digits


@click.group()
@click.option("-d", "--data-dir", metavar="FOLDER", help="The node's data folder. [node.data_dir]")
@settings_options
@click.pass_context
def user(ctx: click.Context, data_dir: str | None, config_file: Path | None, set_: tuple[str, ...]) -> None:
    """Manage subjects, their namespaces, keys and limits.

    The store is changed directly: a node that keeps everything in its data folder must be stopped.
    """
    if not ctx.resilient_parsing:
        ctx.obj = load_settings(config_file, set_, {"node.data_dir": data_dir})


@user.command()
@click.argument("subject")
@click.option("--namespace", help="Name of the new namespace. [the subject's name]")
@click.option("-u", "--auth", "key", metavar="KEY", help="Key to use, uuid:secret. [a new one]")
@json_option
@click.pass_obj
def create(settings: Settings, subject: str, namespace: str | None, key: str | None, as_json: bool) -> None:
    """Create SUBJECT with a namespace, or give it a further namespace; writes the key."""
    name = namespace or subject
    made = with_subjects(settings, lambda store: subjects.create(store, subject, name, _key(key)))
    if as_json:
        write_json({"subject": subject, **made.to_json()})
    else:
        click.echo(str(made.key))


def _key(text: str | None) -> BasicAuthKey:
    """The key given, or a new one."""
    if text is None:
        return BasicAuthKey(str(uuid4()), "".join(secrets.choice(_LETTERS) for _ in range(SECRET_LENGTH)))
    try:
        return BasicAuthKey.parse(text)
    except ValueError as problem:
        raise Failure(f"{problem}.", USAGE) from problem


@user.command()
@click.argument("subject")
@click.option("--namespace", help="Which of its namespaces. [the first]")
@json_option
@click.pass_obj
def get(settings: Settings, subject: str, namespace: str | None, as_json: bool) -> None:
    """Write the key of SUBJECT."""
    document, _ = with_subjects(settings, lambda store: subjects.find(store, subject))
    if as_json:
        write_json(document.to_document())
        return
    found = [one for one in document.namespaces if namespace in (None, one.name)]
    if not found:
        raise Failure(f"{subject} has no namespace {namespace}.", NOT_FOUND)
    click.echo(str(found[0].key))


@user.command()
@click.argument("subject")
@click.option("--namespace", help="Only this namespace of it.")
@click.pass_obj
def delete(settings: Settings, subject: str, namespace: str | None) -> None:
    """Delete SUBJECT, or one of its namespaces. Its actions stay in the store."""
    with_subjects(settings, lambda store: subjects.delete(store, subject, namespace))
    done(f"deleted {subject}" if namespace is None else f"deleted namespace {namespace} of {subject}")


@user.command("list")
@json_option
@click.pass_obj
def list_command(settings: Settings, as_json: bool) -> None:
    """Show all subjects with their namespaces, without keys."""
    found = with_subjects(settings, subjects.every)
    if as_json:
        write_json([{"subject": one.subject, "namespaces": _names(one), "blocked": bool(one.blocked)} for one in found])
        return
    rows = [(one.subject, ", ".join(_names(one)), "blocked" if one.blocked else "") for one in found]
    write_table(("subject", "namespaces", ""), rows)


def _names(subject: SubjectDocument) -> list[str]:
    return [namespace.name for namespace in subject.namespaces]


@user.command()
@click.argument("subject")
@click.pass_obj
def block(settings: Settings, subject: str) -> None:
    """Keep SUBJECT out: its keys are refused."""
    with_subjects(settings, lambda store: subjects.block(store, subject, True))
    done(f"blocked {subject}")


@user.command()
@click.argument("subject")
@click.pass_obj
def unblock(settings: Settings, subject: str) -> None:
    """Let SUBJECT in again."""
    with_subjects(settings, lambda store: subjects.block(store, subject, False))
    done(f"unblocked {subject}")


@user.command()
@click.argument("namespace")
@click.option("--invocations-per-minute", type=click.IntRange(0), metavar="N", help="Calls per minute.")
@click.option("--concurrent-invocations", type=click.IntRange(0), metavar="N", help="Calls at the same time.")
@click.option("--fires-per-minute", type=click.IntRange(0), metavar="N", help="Triggers fired per minute.")
@click.option("--clear", is_flag=True, help="Remove all its limits; those of the settings hold again.")
@click.pass_obj
def limits(
    settings: Settings,
    namespace: str,
    invocations_per_minute: int | None,
    concurrent_invocations: int | None,
    fires_per_minute: int | None,
    clear: bool,
) -> None:
    """Show or change the limits of NAMESPACE, as JSON. A limit of 0 allows nothing."""
    given = zip(LIMITS, (invocations_per_minute, concurrent_invocations, fires_per_minute), strict=True)
    changes = {name: value for name, value in given if value is not None}
    if clear:
        with_subjects(settings, lambda store: subjects.clear_limits(store, namespace))
    elif changes:
        with_subjects(settings, lambda store: subjects.set_limits(store, namespace, changes))
    write_json(with_subjects(settings, lambda store: store.limits(namespace)))
