"""The command line: ``mechproof prove | check | claims | sweep | train | stages | …`` (``mechproof --help`` lists all).

Results go to standard output, progress and errors to standard error.  Exit codes: 0 proved or verified,
1 the statement was not established, 2 malformed input or usage.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from . import Options, __version__, check, prove
from .engine.errors import MechproofError, describe
from .engine.explain import explain
from .engine.files import make_folder
from .engine.graph_export import FORMATS
from .engine.transcript import markdown
from .models import zoo
from .models.float_statement import EXP_ULPS
from .models.problem import problem
from .models.weights import load
from .rewrites.advice.float_runs import SAMPLE
from .rewrites.alternatives import alternatives
from .rewrites.audit.command import audit_command
from .rewrites.check_arguments import CheckArguments
from .rewrites.check_file import load_checks
from .rewrites.claims.command import claims_command
from .rewrites.display import show_certificate
from .rewrites.exposition import no_certificate
from .rewrites.float_comparison import Comparison
from .rewrites.goal_names import KNOWN
from .rewrites.lemma_file import examine_file
from .rewrites.stages.command import stages_command
from .rewrites.strategies import DEFAULT, names, strategy
from .rewrites.sweep.command import compare_command, sweep_command
from .rewrites.terminal import errors, progress_bars

app = typer.Typer(
    name="mechproof",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help=(
        "Exact proofs about trained networks: *this transformer returns the maximum on exactly 16772211 of its "
        "16777216 inputs*, with a written proof for people and a certificate that an independent program re-checks."
    ),
    epilog="Exit codes: 0 proved or verified; 1 not established; 2 malformed input or usage.",
)


class Detail(StrEnum):
    """How much a transcript tells."""

    summary = "summary"
    appendix = "appendix"
    full = "full"


class Metric(StrEnum):
    """What is proved."""

    accuracy = "accuracy"
    loss = "loss"


class Minimise(StrEnum):
    """What a search for proofs minimises."""

    cost = "cost"
    tightness = "tightness"
    length = "length"


class Semantics(StrEnum):
    """What the theorem is about: the real function of the weights, or every run in a float arithmetic."""

    real = "real"
    float32 = "float32"
    float64 = "float64"
    bfloat16 = "bfloat16"


_STRATEGIES = "; ".join(f"**{name}**: {strategy(name).SUMMARY}" for name in names())


def _share(text: str) -> Fraction:
    """p/q, an integer or a decimal, read exactly."""
    if len(text) > 100 or not all(c in "0123456789./" for c in text):
        raise typer.BadParameter("expected a share such as 0.9 or 4046/4096")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter("expected a share such as 0.9 or 4046/4096") from None


def _steps(text: str) -> list[int]:
    """Training steps, as in 0,100,200; none for an empty text."""
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise typer.BadParameter("expected training steps such as 0,100,200", param_hint="--checkpoints")
    return list(map(int, parts))


@app.command("prove")
def prove_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    task: Annotated[str, typer.Option(help="What the network is for.")] = "max-of-k",
    metric: Annotated[Metric, typer.Option(help="What is proved.")] = Metric.accuracy,
    strategy_name: Annotated[str, typer.Option("--strategy", help=_STRATEGIES)] = DEFAULT,
    semantics: Annotated[
        Semantics, typer.Option(help="What the theorem is about: the real-valued function, or every run in floats.")
    ] = Semantics["real"],
    exp_ulps: Annotated[
        int, typer.Option(min=1, metavar="N", help="Float semantics: the exponential errs by at most N ulps.")
    ] = EXP_ULPS,
    runs: Annotated[
        int, typer.Option(min=0, metavar="N", help="Float semantics: also run torch on N inputs (0: on none).")
    ] = SAMPLE,
    compiled: Annotated[bool, typer.Option("--compiled", help="Also run what torch.compile makes of it.")] = False,
    at_least: Annotated[
        Fraction | None, typer.Option(parser=_share, metavar="P/Q", help="Exit 1 unless so much is proved.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="JSON with TransformerLens configuration keys of the network.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for certificate and transcript (default ./mechproof-out/NAME).")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="SECONDS", help="Stop searching after this time; what is open then counts as not proved."
        ),
    ] = None,
    grid: Annotated[int, typer.Option(min=1, max=1 << 20, help="Grid steps of the strategy separable.")] = 1024,
    minimise: Annotated[
        Minimise, typer.Option(help="auto: among the proofs that show enough, which one to take.")
    ] = Minimise.cost,
    off: Annotated[
        str, typer.Option(metavar="T1,T3", help="Tightenings of the strategy that are not to be used.")
    ] = "",
    cut: Annotated[
        int | None, typer.Option(min=0, help="branch_and_bound: give up nodes of at most so many sequences.")
    ] = None,
    detail: Annotated[Detail, typer.Option(help="How much the transcript tells.")] = Detail.appendix,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Prove the accuracy of a network, or its mean cross-entropy, and write certificate and transcript."""
    if at_least is not None and metric is Metric.loss:
        raise typer.BadParameter("is about accuracy", param_hint="--at-least")
    with progress_bars(quiet) as report:
        proof = prove(
            weights,
            task=task,
            strategy=strategy_name,
            options=Options(
                seconds=budget,
                grid=grid,
                cut=cut,
                off=tuple(name for name in off.split(",") if name),
                at_least=at_least,
                minimise=minimise.value,
            ),
            config=config,
            metric=metric.value,
            semantics=semantics.value,
            exp_ulps=exp_ulps,
            progress=report,
        )
        real = semantics is Semantics.real
        folder = weights.stem if real else f"{weights.stem}-{semantics.value}"
        files = proof.write(out or Path("mechproof-out") / folder, detail.value)
    if real and proof.status == "PROVED" and not proof.certifiable:
        errors.print(no_certificate(proof.graph.proof(proof.goal)), soft_wrap=True)
    compared = None if real else Comparison.of(proof, runs, compiled=compiled)
    established = at_least is None or proof.theorem.bounds[0] >= at_least
    verdict = proof.verdict
    if not established:
        verdict = f"s UNDECIDED accuracy >= {at_least} is not established: {verdict.removeprefix('s PROVED ')}"
    if as_json:
        status = {"status": "PROVED" if established else "UNDECIDED"}
        extra = {} if compared is None else {"runs": compared.as_json()}
        told = {"line": verdict, "files": [str(path) for path in files]}
        typer.echo(json.dumps(proof.summary() | status | told | extra))
    else:
        for path in files:
            typer.echo(f"{path.suffix[1:]:>5}  {path}")
        for line in () if compared is None else compared.lines():
            typer.echo(line)
        typer.echo(verdict)
    raise typer.Exit(0 if established else 1)


@app.command("check", cls=CheckArguments)
def check_command(
    certificate: Annotated[Path, typer.Argument(help="The certificate.json that comes with a proof.")],
    weights: Annotated[Path, typer.Option(help="Your own copy of the weights (safetensors or npz).")],
    task: Annotated[str, typer.Option(help="What the network is for.")] = "max-of-k",
    jobs: Annotated[int, typer.Option(min=1, help="Number of processes.")] = 1,
    rule_checks: Annotated[
        list[Path] | None,
        typer.Option("--rule-check", help="Python file with your own check of a rule that is not built in; executed."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Re-check a certificate against your own weights, with the independent checker."""
    with errors.status("checking"):
        own = [rule for path in rule_checks or () for rule in load_checks(path)]
        verdict = check(certificate, weights, task=task, jobs=jobs, checks=own)
    typer.echo(json.dumps(verdict.as_json()) if as_json else verdict.text.rstrip("\n"))
    raise typer.Exit(verdict.exit_code)


@app.command("show")
def show_command(
    certificate: Annotated[Path, typer.Argument(help="The certificate.json that comes with a proof.")],
) -> None:
    """Show what a certificate says, step by step.  Showing checks nothing."""
    typer.echo(show_certificate(certificate), nl=False)


@app.command("transcript")
def transcript_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    detail: Annotated[Detail, typer.Option(help="How much the transcript tells.")] = Detail.appendix,
) -> None:
    """Prove as by default and print the transcript as Markdown."""
    with progress_bars(False) as report:
        proof = prove(weights, progress=report)
    typer.echo(markdown(proof.transcript(detail.value)), nl=False)


@app.command("graph")
def graph_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    form: Annotated[str, typer.Option("--format", help=f"text, {', '.join(FORMATS)}.")] = "text",
    strategy_name: Annotated[str, typer.Option("--strategy", help="As for prove.")] = DEFAULT,
) -> None:
    """Prove and print the proof graph: why the theorem is true (text), or a drawing for other tools."""
    if form != "text" and form not in FORMATS:
        raise typer.BadParameter(f"expected text, {', '.join(FORMATS)}; found {form}", param_hint="--format")
    with progress_bars(False) as report:
        proof = prove(weights, strategy=strategy_name, progress=report)
    text = FORMATS[form](proof.graph) if form in FORMATS else "\n".join(explain(proof.graph, proof.goal).lines()) + "\n"
    typer.echo(text, nl=False)


@app.command("story")
def story_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    task: Annotated[str, typer.Option(help="What the network is for.")] = "max-of-k",
    config: Annotated[
        Path | None, typer.Option(help="JSON with TransformerLens configuration keys of the network.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the story as one JSON object.")] = False,
) -> None:
    """List what a network does as mechanistic claims with proved numbers, and the accuracy that follows from them."""
    from .rewrites.story import tell

    told = tell(problem(load(weights, config=config), task), weights.name)
    typer.echo(json.dumps(told.as_json()) if as_json else "\n".join(told.lines()))


@app.command("search")
def search_command(
    weights: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict (.pt, .pth).")],
    goal: Annotated[str, typer.Argument(help=f"What is wanted, numbers open: {', '.join(KNOWN)}.")],
    budget: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Stop searching after this time.")] = 60,
    dominated: Annotated[bool, typer.Option("--all", help="Also what others beat in both price and size.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Search for proofs of a bound, and list them: what each costs, and what it gives."""
    with errors.status("searching"):
        result = alternatives(weights, goal, budget)
    shown = [row for row in result.rows if dominated or not row.dominated]
    if as_json:
        typer.echo(json.dumps({"goal": goal, "complete": result.complete, "found": [row.as_json() for row in shown]}))
        return
    for row in shown:
        typer.echo(f"{row.price:>12} operations, {row.length:>3} steps{'  (dominated)' if row.dominated else ''}")
        typer.echo(f"              {row.sentence}")
    hidden = len(result.rows) - len(shown)
    typer.echo(f"{len(result.rows)} found{f', {hidden} of them dominated' if hidden else ''}", err=True)
    if not result.complete:
        typer.echo("the budget ended the search; more may be found with a larger one", err=True)


@app.command("train")
def train_command(
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = Path(),
    k: Annotated[int, typer.Option("--k", help="Sequence length K.")] = 4,
    d_vocab: Annotated[int, typer.Option("--vocab", help="Number of tokens V.")] = 64,
    d_model: Annotated[int, typer.Option("--d-model", help="Width of the residual stream.")] = 32,
    d_head: Annotated[int | None, typer.Option("--d-head", help="Width of the head (default: d-model).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of initial weights and data.")] = 123,
    steps: Annotated[int, typer.Option(help="Steps of AdamW.")] = 3000,
    single: Annotated[
        list[int] | None, typer.Option("--checkpoint", help="Also save after this step (repeatable).")
    ] = None,
    several: Annotated[str, typer.Option("--checkpoints", metavar="N,N,…", help="Also save after these steps.")] = "",
    every: Annotated[
        int | None, typer.Option("--checkpoint-every", min=1, help="Also save at the start and every so many steps.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Train a max-of-K network by the published recipe (needs torch)."""
    from .models.training import Recipe, save, train

    recipe = Recipe(n_ctx=k, d_vocab=d_vocab, d_model=d_model, d_head=d_head, seed=seed, steps=steps)
    wanted = {*(single or ()), *_steps(several), *(range(0, steps, every) if every else ())}
    with progress_bars(quiet) as report:
        states = train(recipe, sorted(wanted), on_step=lambda step, _: report("training", step, steps))
    make_folder(out)
    for step, state in states.items():
        path = out / (f"{recipe.name}.safetensors" if step == steps else f"{recipe.name}_step{step}.safetensors")
        save(state, path, recipe, step)
        typer.echo(str(path))


@app.command("convert")
def convert_command(
    source: Annotated[Path, typer.Argument(help="Weights: safetensors, npz, or a torch state dict.")],
    destination: Annotated[Path, typer.Argument(help="The safetensors file to write.")],
) -> None:
    """Write weights as safetensors, bit for bit, so that the checker can read them."""
    from .models.weights.convert import convert

    convert(source, destination)
    typer.echo(str(destination))


@app.command("zoo")
def zoo_command() -> None:
    """List the networks that ship with mechproof, with their paths."""
    for name in zoo.names():
        typer.echo(str(zoo.path(name)))


app.command("claims")(claims_command)
app.command("audit")(audit_command)
app.command("sweep")(sweep_command)
app.command("compare")(compare_command)
app.command("stages")(stages_command)

lemma_app = typer.Typer(no_args_is_help=True, help="Lemmas in files of your own.")
app.add_typer(lemma_app, name="lemma")


@lemma_app.command("test")
def lemma_test_command(
    file: Annotated[Path, typer.Argument(help="Python file with Lemma objects and instances(seed); it is executed.")],
    instances: Annotated[int, typer.Option(min=1, max=100_000, help="How many instances to try.")] = 500,
    seed: Annotated[int, typer.Option(help="Seed of the instances.")] = 0,
) -> None:
    """Test lemmas on exact small instances: truth, tightness, and mutants that must be noticed."""
    passed = True
    for lemma, report in examine_file(file, instances, seed):
        typer.echo(f"{lemma.label}: {lemma.title}")
        found = f"counter-example: {report.counterexample}" if report.counterexample is not None else "none is false"
        typer.echo(f"  {report.instances} instances: {found}")
        typer.echo(f"  tight on one of them: {'yes' if report.attained else 'no'}")
        for mutant in report.mutants:
            word = "noticed" if mutant.killed else "SURVIVED" if mutant.required else "stays true"
            typer.echo(f"  {word:10}  {mutant.change}")
        typer.echo(f"s {'PASSED' if report.passed else 'FAILED'} {lemma.label}")
        passed = passed and report.passed
    raise typer.Exit(0 if passed else 1)


@lemma_app.callback()
def lemma_common() -> None:
    """Lemmas in files of your own."""


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
    try:
        app()
    except MechproofError as error:
        errors.print(f"mechproof: {describe(error)}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
