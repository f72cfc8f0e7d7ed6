"""The command line: ``mechproof prove | check | claims | sweep | train | stages | …`` (``mechproof --help`` lists all).

Results go to standard output, progress and errors to standard error.  Exit codes: 0 proved or verified,
1 the statement was not established, 2 malformed input or usage.

A command's module is imported when the command is called: what the list of commands shows of it stands here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from . import __version__
from .engine.terminal import sentences
from .rewrites.advice.allowance import begin_program, command_allowance

# name -> module, and the first sentence of the command's help
COMMANDS = {
    "prove": (
        "rewrites.commands.prove",
        "Prove the accuracy of a network, its mean cross-entropy or least margin; write certificate and transcript.",
    ),
    "check": (
        "rewrites.commands.check",
        "Re-check a certificate against your own weights, with the independent checker.",
    ),
    "show": ("rewrites.commands.show", "Show what a certificate says, step by step."),
    "transcript": ("rewrites.commands.transcript", "Prove as by default and print the transcript as Markdown."),
    "graph": (
        "rewrites.commands.graph",
        "Prove and print the proof graph: why the theorem is true (text), or a drawing for other tools.",
    ),
    "story": (
        "rewrites.commands.story",
        "List what a network does as mechanistic claims with proved numbers, and the accuracy that follows from them.",
    ),
    "score": (
        "explanations.command",
        "Say which accuracy follows from an explanation's sentences alone, and which sentence costs most.",
    ),
    "search": (
        "rewrites.commands.search",
        "Search for proofs of a bound, and list them: what each costs, and what it gives.",
    ),
    "strategies": (
        "rewrites.commands.strategies",
        "List the strategies of prove by the names to call them by, with what each gives.",
    ),
    "train": ("models.training.command", "Train a network on max-of-K or induction (needs torch)"),
    "convert": (
        "models.weights.command",
        "Write weights as safetensors, bit for bit, so that the checker can read them.",
    ),
    "zoo": ("models.zoo.command", "List the networks that ship with mechproof, with their paths."),
    "claims": (
        "claims.command",
        "Decide claims about weights: PROVED, REFUTED with a witness, or UNDECIDED.",
    ),
    "audit": (
        "audits.command",
        "Replay float verifications, published ones or your own, and say which bounds survive; exit 1 unless all hold.",
    ),
    "sweep": ("sweeps.command", "Run many strategies, and show what each proves and costs."),
    "compare": (
        "sweeps.command",
        "Show the published strategies' bounds beside the published ones; exit 1 if one is lower on the same weights.",
    ),
    "diff": (
        "rewrites.commands.diff",
        "Prove two networks, or one by two strategies, and say what differs: claims, numbers, lemmas, the bound.",
    ),
    "stages": (
        "stages.command",
        "Prove bounds of every checkpoint, and try the proofs of each on the next.",
    ),
    "lemma": ("rewrites.commands.lemma", "Lemmas in files of your own."),
}


def loaded(name: str) -> Any:
    """The command of that name: ``NAME_command`` in its module, a function or an application of its own."""
    command = getattr(import_module(f".{COMMANDS[name][0]}", __package__), f"{name}_command")
    if not isinstance(command, typer.Typer):
        function, command = command, typer.Typer(add_completion=False, rich_markup_mode="markdown")
        command.command(name)(function)
    found = typer.main.get_command(command)
    found.name = name
    return found


class Commands(TyperGroup):
    """The commands by name and summary; the one that is called is loaded."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, (_, summary) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and loaded(str(command.name)), rest


app = typer.Typer(
    name="mechproof",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Exact proofs about trained networks: *this transformer returns the maximum on exactly 16772211 of its "
        "16777216 inputs*, with a written proof for people and a certificate that an independent program re-checks."
    ),
    epilog="Exit codes: 0 proved or verified; 1 not established; 2 malformed input or usage.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mechproof {__version__}")
        raise typer.Exit()


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that every command shares."""


def main() -> None:
    """Run the command line; every error a user can cause is one sentence on standard error."""
    begin_program()
    with sentences(), command_allowance():
        app()


if __name__ == "__main__":
    main()
