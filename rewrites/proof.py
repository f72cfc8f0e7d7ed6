"""A proof as users hold it: the theorem, the graph behind it, the certificate and the transcript."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

from ..engine.certificate import emit
from ..engine.files import atomic_write, make_folder
from ..engine.graph import ProofGraph
from ..engine.transcript import Document, Section, write
from ..models.float_statement import EXP_ULPS
from ..models.one_layer import has_one_layer, one_layer_of
from ..models.statement import Statement
from . import exposition
from .advice.allowance import Allowance
from .advice.memory import require_memory
from .enumeration.decide import MOST_INPUTS, TooManyInputs
from .float_proof import STRATEGIES, NoFloatProof, prove_float
from .network_exposition import network_transcript
from .quotient_account import Account, account
from .rules.accuracy import Accuracy
from .rules.enclosed_number import EnclosedNumber
from .rules.least_margin import LeastMargin
from .rules.loss import Loss, LossSum
from .rules.path_decomposition import Paths
from .rules.right_count import RightCount
from .strategies import (
    DEFAULT,
    DEFAULTS,
    PROVERS,
    Options,
    Progress,
    UnknownStrategy,
    general_names,
    names,
    networks,
    prove_metric,
    silent,
)
from .waterfall import waterfall


@dataclass(frozen=True)
class Proof:
    """What was proved of ``name``.  In a notebook it shows its transcript."""

    name: str
    graph: ProofGraph
    goal: int
    # Sections that the transcript ends with; they prove nothing.
    notes: tuple[Section, ...] = ()

    @property
    def theorem(self) -> Accuracy | Loss | LeastMargin:
        return self.graph.claim(self.goal)

    @property
    def status(self) -> str:
        """PROVED, or CONDITIONAL for what rests on an assumption."""
        return exposition.status(self.graph, self.goal)

    @property
    def verdict(self) -> str:
        """The line that scripts look for; what rests on an assumption is CONDITIONAL, never PROVED."""
        return exposition.verdict(self.graph, self.goal)

    @property
    def certifiable(self) -> bool:
        """Whether the independent checker knows this kind of theorem, and all rules of some proof of it."""
        return self.graph.is_certifiable(self.goal)

    @property
    def certified(self) -> str | None:
        """The relation that the certificate states, where that is less than the theorem; None elsewhere."""
        theorem = self.theorem
        said = theorem.certified().relation() if isinstance(theorem, EnclosedNumber) else None
        return None if said == theorem.relation() else said

    @cached_property
    def account(self) -> Account | None:
        """What a proof by quotients costs beside brute force; None for any other."""
        return account(self.graph, self.goal)

    @cached_property
    def certificate(self) -> bytes:
        """Raises :class:`~mechproof.engine.rule.NotEstablished` where there is none; see :attr:`certifiable`."""
        return emit(self.graph, self.goal, self.theorem.statement.sha256)

    def with_waterfall(self) -> Proof:
        """The same, with a section on how many inputs each step loses, from the truth to the bound.

        Raises :class:`~.waterfall.NoWaterfall` for a proof that does not count cells of one layer.
        """
        return replace(self, notes=(*self.notes, waterfall(self.graph, self.goal).section()))

    def transcript(self, detail: str = "appendix") -> Document:
        """``detail``: summary (no proofs of lemmas), appendix, or full (all cells that are not right throughout)."""
        claims = (self.graph.claim(step.claim) for step in self.graph.proof(self.goal))
        by_paths = any(isinstance(claim, Paths | RightCount | LossSum) for claim in claims)
        written = exposition.transcript if by_paths else network_transcript
        document = written(self.graph, self.goal, self.name, detail)
        return replace(document, blocks=(*document.blocks, *self.notes))

    def write(self, directory: str | PathLike[str], detail: str = "appendix", *, for_paper: bool = False) -> list[Path]:
        """Certificate (if there is one) and transcript into ``directory``: all files or none.

        With ``for_paper`` also the transcript's body for a paper's ``\\input``, and its style file.
        """
        certificate = {Path(directory, "certificate.json"): self.certificate} if self.certifiable else {}
        document = self.transcript(detail)
        return write(document, make_folder(directory), "transcript", certificate, for_paper=for_paper)

    def write_certificate(self, directory: str | PathLike[str]) -> list[Path]:
        """The certificate alone, if there is one."""
        if not self.certifiable:
            return []
        target = Path(directory, "certificate.json")
        certificate = self.certificate
        make_folder(directory)
        atomic_write(target, certificate)
        return [target]

    def _repr_html_(self) -> str:
        return self.transcript()._repr_html_()

    def _repr_markdown_(self) -> str:
        return self.transcript()._repr_markdown_()

    def summary(self) -> dict[str, Any]:
        """The result as plain data, for ``--json``."""
        theorem = self.theorem
        return {
            "status": self.status,
            "metric": theorem.kind,
            **theorem.data(),
            "relation": theorem.relation(),
            **({} if self.certified is None else {"certified": self.certified}),
            **({} if self.account is None else self.account.data()),
            "sha256": theorem.statement.sha256,
        }


def usual_strategy(statement: Statement, metric: str = "accuracy") -> str:
    """What decides the statement exactly and cheapest: branch and bound where its form allows, else enumeration; but of
    more inputs than enumeration takes, sets of inputs.

    Raises :class:`~.enumeration.decide.TooManyInputs` where none of them applies.
    """
    if metric in PROVERS and has_one_layer(statement):
        return DEFAULT
    if statement.task.inputs.size <= MOST_INPUTS:
        return networks.DEFAULT
    name, lacks = networks.past_enumeration(statement)
    if not name:
        others = "; ".join(f"strategy {other} {reason}" for other, reason in lacks.items())
        raise TooManyInputs(statement.task.inputs.size, MOST_INPUTS, f" ({others})")
    return name


def rests_on_paths(statement: Statement, strategy: str, metric: str) -> bool:
    """Whether the strategy of that name is one over path tables.  Where there is one for any network too, it is so for
    what has such tables."""
    return strategy not in general_names() or (strategy in names() and metric in PROVERS and has_one_layer(statement))


def prove(
    statement: Statement,
    name: str,
    strategy: str | None = None,
    options: Options = DEFAULTS,
    progress: Progress = silent,
    metric: str = "accuracy",
    semantics: str = "real",
    exp_ulps: int = EXP_ULPS,
) -> Proof:
    """Prove bounds of a metric (accuracy, loss, or margin) of the statement's network by a named strategy, or by the
    usual one.

    With ``semantics`` float32, float64 or bfloat16 the theorem is about the accuracy of every float run whose
    exponential errs by at most ``exp_ulps`` units in the last place.  Raises
    :class:`~mechproof.rewrites.advice.allowance.Spent` when the time or the memory of the options ends first,
    :class:`~.strategies.UnknownStrategy`, and :class:`~mechproof.models.one_layer.NotOneLayer` where the strategy rests
    on path tables and the network has none.
    """
    strategy = strategy or usual_strategy(statement, metric)
    if not rests_on_paths(statement, strategy, metric):
        if semantics != "real":
            raise NoFloatProof(strategy, STRATEGIES)
        with Allowance(options.seconds, options.memory):
            return Proof(name, *networks.prove_network(statement, strategy, metric, options, progress))
    if strategy.partition("/")[0] not in names():
        raise UnknownStrategy(strategy, (*names(), *general_names()))
    layer = one_layer_of(statement)
    if semantics != "real" and metric != "accuracy":
        raise NoFloatProof(f"the metric {metric}", STRATEGIES)
    with Allowance(options.seconds, options.memory):
        require_memory(layer, strategy)
        if semantics != "real":
            return Proof(name, *prove_float(statement, semantics, strategy, options, progress, exp_ulps))
        return Proof(name, *prove_metric(metric, statement, strategy, options, progress))
