"""The command ``prove``."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...engine.terminal import errors, progress_bars
from ...models import DEFAULT_TASK
from ..advice.allowance import BudgetSpent, command_allowance, last_allowance, shared_allowance
from .options import AsJson, Config, Detail, HowMuch, Memory, Quiet, StrategyName, Task, Weights

if TYPE_CHECKING:
    from ..proof import Proof

# Of what --json prints (docs/json.md): the number changes when a key changes its meaning or goes.
SCHEMA = 1


class Metric(StrEnum):
    """What is proved."""

    accuracy = "accuracy"
    loss = "loss"
    margin = "margin"


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


def _share(text: str) -> Fraction:
    """p/q, an integer or a decimal, read exactly; from 0 to 1."""
    if len(text) > 100 or not all(c in "0123456789./" for c in text):
        raise typer.BadParameter("expected a share such as 0.9 or 4046/4096")
    try:
        share = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise typer.BadParameter("expected a share such as 0.9 or 4046/4096") from None
    if share > 1:
        raise typer.BadParameter(f"expected a share of the inputs, at most 1; found {text}")
    return share


def prove_command(
    weights: Weights,
    task: Task = DEFAULT_TASK,
    metric: Annotated[Metric, typer.Option(help="What is proved.")] = Metric.accuracy,
    strategy: StrategyName = None,
    semantics: Annotated[
        Semantics, typer.Option(help="What the theorem is about: the real-valued function, or every run in floats.")
    ] = Semantics["real"],
    exp_ulps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Float semantics: the exponential errs by at most N ulps (default 4)."),
    ] = None,
    runs: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Float semantics: also run torch on N inputs (0: on none)."),
    ] = None,
    compiled: Annotated[
        bool, typer.Option("--compiled", help="Float semantics: also run what torch.compile makes of it.")
    ] = False,
    at_least: Annotated[
        Fraction | None, typer.Option(parser=_share, metavar="P/Q", help="Exit 1 unless so much is proved.")
    ] = None,
    config: Config = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for certificate and transcript (default: one in ./mechproof-out, named after weights, "
            "strategy, options and statement)."
        ),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="SECONDS", help="Stop searching after this time; what is open then counts as not proved."
        ),
    ] = None,
    memory: Memory = None,
    grid: Annotated[
        int | None, typer.Option(min=1, max=1 << 20, help="separable: number of grid steps (default 1024).")
    ] = None,
    minimise: Annotated[
        Minimise | None, typer.Option(help="auto: among the proofs that show enough, which one to take (default cost).")
    ] = None,
    off: Annotated[
        str, typer.Option(metavar="T1,T3", help="Tightenings of the strategy that are not to be used.")
    ] = "",
    cut: Annotated[
        int | None, typer.Option(min=0, help="branch_and_bound, induction: give up sets of at most so many inputs.")
    ] = None,
    check_again: Annotated[
        bool,
        typer.Option("--cross-check", help="Evaluate a sample a second time, with mpmath; exit 1 on disagreement."),
    ] = False,
    with_waterfall: Annotated[
        bool,
        typer.Option("--waterfall", help="Max-of-K: also show how many inputs each step loses, from the truth on."),
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="enumerate: number of processes.")] = 1,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="enumerate, branch_and_bound: keep what is finished in this file, and go on from there.",
        ),
    ] = None,
    wrong: Annotated[
        Path | None, typer.Option(metavar="FILE", help="enumerate: also list the wrong inputs in this CSV file.")
    ] = None,
    detail: HowMuch = Detail.appendix,
    for_paper: Annotated[
        bool,
        typer.Option("--body", help="Also write the transcript's body for a paper's \\\\input, and its style file."),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Prove the accuracy of a network, its mean cross-entropy or least margin; write certificate and transcript."""
    if at_least is not None and metric is not Metric.accuracy:
        raise typer.BadParameter("is about accuracy", param_hint="--at-least")
    _refuse_what_has_no_effect(
        ("--exp-ulps", exp_ulps, semantics is not Semantics.real, "--semantics float32, float64 or bfloat16"),
        ("--runs", runs, semantics is not Semantics.real, "--semantics float32, float64 or bfloat16"),
        ("--compiled", compiled, semantics is not Semantics.real, "--semantics float32, float64 or bfloat16"),
        ("--compiled", compiled, runs != 0, "torch runs, and --runs is 0"),
        ("--cross-check", check_again, semantics is Semantics.real, "--semantics real"),
        ("--waterfall", with_waterfall, semantics is Semantics.real, "--semantics real"),
        ("--waterfall", with_waterfall, metric is Metric.accuracy, "--metric accuracy"),
        ("--grid", grid, strategy == "separable", "--strategy separable"),
        ("--cut", cut, strategy in (None, "branch_and_bound", "induction"), "--strategy branch_and_bound or induction"),
        ("--minimise", minimise, strategy == "auto", "--strategy auto"),
    )
    from ...models.float_statement import EXP_ULPS
    from ...models.problem import statement_of
    from ..advice.cross_check import cross_check
    from ..advice.float_runs import SAMPLE
    from ..exposition import no_certificate
    from ..float_comparison import Comparison
    from ..folder import default_folder
    from ..proof import prove, rests_on_paths, usual_strategy
    from ..strategies import DEFAULTS, Options
    from ..strategies.networks import DEFAULT as ENUMERATE
    from ..wrong_inputs import write_wrong

    options = Options(
        seconds=budget,
        grid=DEFAULTS.grid if grid is None else grid,
        cut=cut,
        off=tuple(name for name in off.split(",") if name),
        at_least=at_least,
        minimise=minimise.value if minimise else DEFAULTS.minimise,
        jobs=jobs,
        resume=resume,
    )
    with command_allowance(budget, memory), progress_bars(quiet) as report:
        try:
            statement = statement_of(weights, task, config)
            strategy = strategy or usual_strategy(statement, metric.value)
            by_paths = rests_on_paths(statement, strategy, metric.value)
            enumerates = strategy == ENUMERATE
            by_sets = strategy == "branch_and_bound" and not by_paths and metric is Metric.accuracy
            _refuse_what_has_no_effect(
                ("--wrong", wrong, enumerates, "--strategy enumerate"),
                (
                    "--resume",
                    resume,
                    enumerates or by_sets,
                    "--strategy enumerate or branch_and_bound past path tables",
                ),
                ("--jobs", None if jobs == 1 else jobs, enumerates, "--strategy enumerate"),
                (
                    "--cut",
                    cut,
                    strategy in ("branch_and_bound", "induction"),
                    "--strategy branch_and_bound or induction",
                ),
                ("--cross-check", check_again, by_paths, "a strategy that rests on path tables"),
                ("--waterfall", with_waterfall, by_paths, "a strategy that rests on path tables"),
            )
            proof = prove(
                statement,
                weights.name,
                strategy,
                options,
                report,
                metric.value,
                semantics.value,
                EXP_ULPS if exp_ulps is None else exp_ulps,
            )
        except BudgetSpent:
            _say_undecided(f"{metric.value}: the budget of {budget} s ended before a theorem was reached", as_json)
            raise typer.Exit(1) from None
        try:
            checked = cross_check(proof.graph, proof.goal, proof.name) if check_again else None
            proof = proof.with_waterfall() if with_waterfall else proof
        except BudgetSpent:
            what = "cross-check" if check_again else "waterfall"
            _say_undecided(f"{metric.value}: the budget of {budget} s ended before the {what} did", as_json)
            raise typer.Exit(1) from None
        if checked is not None:
            proof = replace(proof, notes=(*proof.notes, checked.section()))
        folder = out or default_folder(weights, proof, strategy, options, semantics.value, detail.value)
        real = semantics is Semantics.real
        compared = None if real else Comparison.of(proof, SAMPLE if runs is None else runs, compiled=compiled)
        files: list[Path] = []
        if compared is not None and compared.contradiction is not None:
            files, status, verdict = compared.write_contradiction(folder), "CONTRADICTED", compared.verdict
        else:
            status, verdict = _judged(proof, at_least)
            with last_allowance() as writing:
                files = proof.write(folder, detail.value, for_paper=for_paper)
            if writing.spent:
                errors.print("the budget ended before the transcript was written", soft_wrap=True)
                with shared_allowance(1):
                    files = proof.write_certificate(folder)
    if wrong is not None:
        files.append(write_wrong(proof, wrong))
    if real and proof.status == "PROVED" and not proof.certifiable:
        errors.print(no_certificate(proof.graph, proof.goal), soft_wrap=True)
    if as_json:
        extra = {} if compared is None else {"runs": compared.as_json()}
        extra |= {} if at_least is None else {"at_least": str(at_least)}
        extra |= {} if checked is None else {"cross_check": checked.as_json()}
        told = {"status": status, "line": verdict, "files": [str(path) for path in files]}
        typer.echo(json.dumps({"schema": SCHEMA} | proof.summary() | told | extra))
    else:
        for path in files:
            typer.echo(f"{path.suffix[1:]:>5}  {path}")
        if checked is not None:
            typer.echo(f"cross-check, which proves nothing: {checked.sentence()}")
        for line in () if compared is None else compared.lines():
            typer.echo(line)
        if proof.certified is not None and status == "PROVED":
            typer.echo(f"the certificate says {proof.certified}")
        if proof.account is not None:
            typer.echo(proof.account.sentence())
        typer.echo(verdict)
    raise typer.Exit(0 if status == "PROVED" else 1)


def _say_undecided(what: str, as_json: bool) -> None:
    """The last line where nothing was established."""
    line = f"s UNDECIDED {what}"
    told = {"schema": SCHEMA, "status": "UNDECIDED", "line": line, "files": []}
    typer.echo(json.dumps(told) if as_json else line)


def _refuse_what_has_no_effect(*options: tuple[str, object, bool, str]) -> None:
    """Refuse an option that was given (name, value) where what it belongs to was not (whether it was, and its name)."""
    for name, value, belongs, owner in options:
        if value is not None and value is not False and not belongs:
            raise typer.BadParameter(f"has an effect only with {owner}", param_hint=name)


def _judged(proof: Proof, at_least: Fraction | None) -> tuple[str, str]:
    """The status and the last line: what was proved, or what that says of the share that was asked for.

    The line begins as the checker's does, and ends with the fractions in decimals.
    """
    from ..rules.accuracy import Accuracy

    theorem = proof.theorem
    low, high = theorem.bounds
    # a loss or a margin is in decimals already
    line = f"{proof.verdict} ({theorem.decimals()})" if isinstance(theorem, Accuracy) else proof.verdict
    if at_least is None or low >= at_least:
        return "PROVED", line
    found = line.removeprefix("s PROVED ")
    if high < at_least:
        return "REFUTED", f"s REFUTED accuracy >= {at_least} is false: {found}"
    return "UNDECIDED", f"s UNDECIDED accuracy >= {at_least} is not established: {found}"
