"""Claims about one network, settled one after the other in one proof graph.

The ladder: a statement is decided at 128 bits, and at twice as many as long as it stays open or its numbers are not
known to the digits that are to be shown.  Where singular values occur, the second rung is that ranks come with them.
Accuracy climbs from the cheapest strategy to the next.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..engine.certificate import emit
from ..engine.digest import digest
from ..engine.errors import MagnitudeError
from ..engine.files import read_bytes
from ..engine.graph import ProofGraph
from ..engine.rule import NotEstablished
from ..models.statement import Statement as Problem
from ..models.tasks.split import LIMIT as MAX_SPLIT
from ..models.weights import StoredTensor
from ..rewrites.advice import loss_tree_search
from ..rewrites.proof import Proof
from ..rewrites.rules.accuracy import AccuracyFromCount
from ..rewrites.rules.additive_margin import AdditiveMarginRule
from ..rewrites.rules.averaged_loss import AveragedLoss, Refinement
from ..rewrites.rules.known_matrices import KnownWeights
from ..rewrites.rules.loss import LossFromSum
from ..rewrites.rules.loss_tree import LossTree
from ..rewrites.rules.network_function import NetworkFunctionDefinition
from ..rewrites.standard_forms import paths_of
from ..rewrites.strategies import Options, silent, strategy
from .activations import Activations
from .conditions import Conditions, Splits
from .context import SPECTRAL, Budget
from .directions import Directions
from .errors import StatementError, TwoReadings, UnknownName
from .measured import Measured
from .names import check, network_word, of_any_network, on_tensors, stored_as, tensors_in
from .network_proofs import NetworkProofs
from .network_words import About, NameMeasured, NameNetwork, Needed, Wanted
from .restriction import WRONG
from .rules import (
    Decide,
    DecideByPositivity,
    Decided,
    DecideWithoutTrace,
    PositiveLoss,
    Question,
    StillOpen,
    settled_by_positivity,
)
from .spelling import Kind, readings
from .tensors import NameTensors, NameTensorsOfSeveral, StoredTensors
from .trace import can_carry, text
from .tree import Approx, Node, Statement, Within
from .vocabulary import (
    KINDS,
    NAMES,
    SIZES,
    WHOLE_NETWORK,
    NameAccuracy,
    NameAccuracyAndLoss,
    NameLogits,
    NameLoss,
    NameMatrices,
)

LADDER = (128, 256, 512, 1024)
# Up to so many inputs accuracy is counted exactly, in seconds; beyond, what settles a claim is enough.
COUNTED = 1 << 26
STRATEGIES = ("branch_and_bound", "separable")
# Cheapest first; the last is narrower than the one before it where that is not exact.
STRATEGIES_BEYOND = ("cubic", *STRATEGIES)
# For bounds of the loss over many inputs where no budget is given: seconds of work, and the same bounds on every
# machine.
LOSS_NODES = 1 << 16
FINE_LOSS = Refinement(width=Fraction(1, 850_000), boxes=600_000)
# What every network has.
OF_ANY = frozenset((*WHOLE_NETWORK, *SIZES))
NEED_LOGITS = frozenset({"loss", "correct", "logits"})

BESIDE_TENSORS = "a statement that names stored tensors is about these alone"


@dataclass(frozen=True)
class Verdict:
    """PROVED, REFUTED or UNDECIDED, with the detail in words and what was measured.

    ``goal`` is the id in the graph, if there is one; ``proofs`` are those of accuracy or loss that it rests on.
    """

    status: str
    detail: str
    measured: tuple[Measured, ...] = ()
    goal: int | None = None
    proofs: tuple[Proof, ...] = ()


def _uncertified(verdict: Verdict) -> Verdict:
    """The verdict with a word on what it has not."""
    if verdict.goal is None:
        return verdict
    return replace(verdict, detail="; ".join(filter(None, [verdict.detail, "no certificate"])))


def _pinned(node: Node, name: str) -> bool:
    """Whether the statement says of a number what it is, not only that it is below or above another."""
    pinned = isinstance(node, (Approx, Within)) and name in node.names
    return pinned or any(_pinned(inner, name) for inner in node.nodes())


@dataclass
class Session:
    """``problem`` is the network and its task; None when it has no path tables, and ``reason`` says why.

    ``network`` is any network and its task; ``splits`` are files that say which of its inputs are train, or test.

    ``stored`` reads the tensors of the file, or, ``several``, of the files, for statements that name these.
    ``outputs``: how many logits the network has, for what holds of every architecture.  ``subject``: a hash of the
    network with its task; empty if there is none.
    """

    name: str
    problem: Problem | None
    reason: str = ""
    outputs: int = 0
    budget: Budget = field(default_factory=Budget)
    seconds: int | None = None
    stored: Callable[[], Mapping[str, StoredTensor]] | None = None
    graph: ProofGraph = field(default_factory=ProofGraph)
    subject: str = ""
    network: Problem | None = None
    splits: Splits = field(default_factory=dict)
    several: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """Without what is only remembered."""
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def settle(self, statement: Statement) -> Verdict:
        """The verdict; raises a StatementError for a statement that means nothing, or two things of which one holds."""
        found: list[tuple[str, Verdict]] = []
        problem: StatementError | None = None
        for told, meant in self._readings(statement):
            try:
                found.append((told, self._settle(meant)))
            except StatementError as error:
                problem = problem or error
        if not found:
            assert problem is not None
            raise problem
        (told, verdict), *others = found
        for other, another in others:
            if another.status != verdict.status:
                raise TwoReadings(statement.column, told, verdict.status, other, another.status)
        return verdict

    def _settle(self, statement: Statement) -> Verdict:
        """The verdict about a statement in the core of the language."""
        check(statement)
        if self.outputs >= 2 and settled_by_positivity(statement) is not None:
            positive = self.graph.apply(PositiveLoss(), (), self.outputs)
            return self._verdict(self.graph.apply(DecideByPositivity(), [positive], statement))
        tensors = tensors_in(statement)
        known = self._known_network is not None and not tensors
        if known and (of_any_network(statement) or (self.problem is None and network_word(statement) is not None)):
            return self._on_network(statement)
        if self.problem is None and self.stored is None:
            return Verdict("UNDECIDED", f"architecture not supported: {self.reason}")
        if self.problem is not None and not tensors:
            rule = Decide() if can_carry(statement) else DecideWithoutTrace()
            verdict = self._decided(statement, rule, self._stages(statement))
            verdict = self._carried(verdict)
            if verdict.status != "UNDECIDED" or not known or "correct" not in statement.names:
                return verdict
            together = self._on_network(statement)  # many inputs at once
            return verdict if together.status == "UNDECIDED" else together
        word = network_word(statement)
        if word is not None:
            near = stored_as(word, self._stored)
            hint = f"; the file stores {near!r}" if near else ""
            return Verdict("UNDECIDED", f"{word} needs a network: {self.reason or BESIDE_TENSORS}{hint}")
        known, rule = self._tensors(tensors), Decide() if can_carry(statement) else DecideWithoutTrace()
        rungs = ((directions, known, ()) for directions in self._rungs(statement.names))
        return self._carried(self._decided(statement, rule, rungs))

    def cited(self, statement: Statement) -> str:
        """The hash of what the statement is about (the tensors it names, else the network with its task) and of its
        text as certificates write it: the same for every verdict, file, id and way to write it.  Empty where it is not
        known what it is about.  Raises a StatementError for names that mean nothing."""
        statement = self._readings(statement)[0][1]
        tensors = tensors_in(statement)
        about = self.graph.claim(self._tensors(tensors)).identity() if tensors else self.subject
        chosen = sorted(statement.names & self.splits.keys())
        if about and chosen:
            files = [[name, hashlib.sha256(read_bytes(self.splits[name], MAX_SPLIT)).hexdigest()] for name in chosen]
            about = digest([about, files])
        return about and digest([about, text(statement)])

    def _readings(self, statement: Statement) -> list[tuple[str, Statement]]:
        """What the statement means in the core of the language, with the stored tensors that it names."""
        return [(told, self._on_tensors(meant)) for told, meant in readings(statement, self._kind)]

    def _kind(self, name: str) -> Kind | None:
        """How many axes the value of a name has; None for a name without meaning."""
        if name in KINDS and (self.problem is not None or (self.network is not None and name in OF_ANY)):
            return KINDS[name]
        if self.stored is not None and name in self._stored:
            axes = len(self._stored[name].shape)
            return Kind(axes, "row" if axes == 1 else "")
        return KINDS.get(name)

    def _on_tensors(self, statement: Statement) -> Statement:
        """With the stored tensors that it names; of a supported network, where its own names do not suffice and none
        of these is one of a tensor."""
        if self.stored is None:
            return statement
        if self.problem is None:
            words = frozenset() if self.network is None else OF_ANY
            return on_tensors(statement, self._stored.keys() - words)
        try:
            check(statement)
        except UnknownName:
            found = on_tensors(statement, self._stored.keys() - NAMES)
            if tensors_in(found):
                return found
            raise
        return statement

    # Any network

    @cached_property
    def _known_network(self) -> Problem | None:
        return self.problem if self.network is None else self.network

    @cached_property
    def _about(self) -> About:
        assert self._known_network is not None, "words of a network need one"
        tables = None if self.problem is None else self.graph.claim(self._with_logits)
        return About(Conditions(self._known_network, self.splits), Activations(self._known_network), tables)

    @cached_property
    def _proofs(self) -> NetworkProofs:
        return NetworkProofs(self.graph, self.seconds)

    @cached_property
    def _measured(self) -> dict[str, tuple[Iterator[int], list[int]]]:
        """The claims on each word, as many as were asked for, and where more come from."""
        return {}

    def _claim_on(self, wanted: Wanted, rung: int) -> int:
        """The claim on a word at this rung: the next finer one, or the finest."""
        if wanted.key not in self._measured:
            problem = self._about.conditions.on(wanted.condition, dict(wanted.binding))
            self._measured[wanted.key] = self._proofs.claims(problem, wanted.name), []
        more, found = self._measured[wanted.key]
        while len(found) <= rung:
            following = next(more, None)
            if following is None:
                break
            found.append(following)
        if not found:
            raise StillOpen("claims", f"nothing is known of {wanted.name}", True)
        return found[min(rung, len(found) - 1)]

    def _proofs_of(self, needs: Sequence[Wanted], rung: int) -> tuple[Proof, ...]:
        """Those of claims over all inputs that have certificates."""
        whole = [self._claim_on(one, rung) for one in needs if one.condition is None and one.name != WRONG]
        proofs = (Proof(self.name, self.graph, goal) for goal in whole)
        return tuple(proof for proof in proofs if proof.certifiable)

    def _on_network(self, statement: Statement) -> Verdict:
        """A statement on what the network does: whatever its evaluation needs is proved and becomes a premise."""
        assert self._known_network is not None, "words of a network need one"
        function = self._proofs.function(self._known_network)
        needs: list[Wanted] = []
        reason = ""
        best: Verdict | None = None
        for rung, directions in enumerate(self._rungs(statement.names)):
            outcome: int | None = None
            while outcome is None:
                try:
                    words = self.graph.apply(NameNetwork(), [function], self._about)
                    for one in needs:
                        words = self.graph.apply(NameMeasured(), [words, self._claim_on(one, rung)], one)
                    question = Question(statement, self.budget, directions)
                    outcome = self.graph.apply(DecideWithoutTrace(), [words], question)
                except Needed as need:
                    needs.append(need.wanted)
                except StillOpen as problem:
                    if problem.hopeless:
                        return best or Verdict("UNDECIDED", problem.reason)
                    reason = f"{problem.reason} (stopped at {directions.bits} bits)"
                    break
            if outcome is not None:
                best = self._verdict(outcome, self._proofs_of(needs, rung))
                if needs or all(measured.sharp for measured in best.measured):
                    break
        if best is None:
            return Verdict("UNDECIDED", reason)
        return _uncertified(best)

    def _decided(
        self, statement: Statement, rule: Decide, stages: Iterator[tuple[Directions, int, tuple[Proof, ...]]]
    ) -> Verdict:
        best: Verdict | None = None
        reason = ""
        for directions, vocabulary, proofs in stages:
            try:
                goal = self.graph.apply(rule, [vocabulary], Question(statement, self.budget, directions))
            except StillOpen as problem:
                if problem.hopeless:
                    reason = problem.reason
                    break
                reason = f"{problem.reason} (stopped at {directions.bits} bits)"
                continue
            best = self._verdict(goal, proofs)
            settled = self._beyond or "loss" in statement.names
            if (proofs and settled) or all(measured.sharp for measured in best.measured):
                break
        if best is not None:
            return best
        return Verdict("UNDECIDED", reason)

    def _verdict(self, goal: int, proofs: tuple[Proof, ...] = ()) -> Verdict:
        decided: Decided = self.graph.claim(goal)
        parts = [*map(str, decided.measured), decided.witness]
        detail = "; ".join(part for part in parts if part)
        return Verdict("PROVED" if decided.holds else "REFUTED", detail, decided.measured, goal, proofs)

    def _carried(self, verdict: Verdict) -> Verdict:
        """The verdict, with a word if there is no certificate of it."""
        certified = verdict.goal is not None and self.graph.is_certifiable(verdict.goal)
        return verdict if certified else _uncertified(verdict)

    def certificate(self, verdict: Verdict) -> bytes | None:
        """Of what was PROVED or REFUTED; None where there is none (another architecture, a statement that none can
        carry, tensors of several files).  It is about the tensors that the statement names, else the network with its
        task."""
        if verdict.goal is None or not self.graph.is_certifiable(verdict.goal):
            return None
        claims = [self.graph.claim(step.claim) for step in self.graph.steps(verdict.goal) or ()]
        tensors = next((claim for claim in claims if isinstance(claim, StoredTensors)), None)
        if tensors is None:
            return None if self.problem is None else emit(self.graph, verdict.goal, self.problem.sha256)
        return emit(self.graph, verdict.goal, tensors.identity())

    def _rungs(self, names: frozenset[str]) -> list[Directions]:
        """Advice with growing precision."""
        if names.isdisjoint(SPECTRAL):
            return [self._directions(bits, ranked=False) for bits in LADDER]
        first = self._directions(LADDER[0], ranked=False)
        return [first, *(self._directions(bits, ranked=True) for bits in LADDER)]

    def _directions(self, bits: int, *, ranked: bool) -> Directions:
        return self._advice.setdefault((bits, ranked), Directions(bits, ranked))

    @cached_property
    def _advice(self) -> dict[tuple[int, bool], Directions]:
        return {}

    def _stages(self, statement: Statement) -> Iterator[tuple[Directions, int, tuple[Proof, ...]]]:
        """Advice, the claim that gives the names their meaning, and the proofs it rests on, cheapest first."""
        names = statement.names
        counted = "accuracy" in names
        bounded = "loss" in names and self.problem is not None and self.problem.inputs > self.budget.sequences
        if counted or bounded:
            strategies = STRATEGIES_BEYOND if self._beyond else STRATEGIES
            for rung, (directions, name) in enumerate(zip(self._rungs(names), strategies, strict=False)):
                fine = rung > 0 or _pinned(statement, "loss")
                whole = [*([self._accuracy(name)] if counted else []), *([self._loss(fine)] if bounded else [])]
                rule = NameAccuracyAndLoss if counted and bounded else NameAccuracy if counted else NameLoss
                vocabulary = self.graph.apply(rule(), [self._known, self._margin, *whole])
                proofs = (Proof(self.name, self.graph, goal) for goal in whole)
                yield directions, vocabulary, tuple(proof for proof in proofs if proof.certifiable)
        else:
            vocabulary = self._with_logits if names & NEED_LOGITS else self._matrices
            yield from ((directions, vocabulary, ()) for directions in self._rungs(names))

    @cached_property
    def _stored(self) -> Mapping[str, StoredTensor]:
        return {} if self.stored is None else self.stored()

    def _tensors(self, names: frozenset[str]) -> int:
        """The claim that gives these names of stored tensors their meaning."""
        if names not in self._named:
            tensors = {name: self._stored[name] for name in sorted(names)}
            rule = NameTensorsOfSeveral() if self.several else NameTensors()
            self._named[names] = self.graph.apply(rule, (), tensors)
        return self._named[names]

    @cached_property
    def _named(self) -> dict[frozenset[str], int]:
        return {}

    @property
    def _beyond(self) -> bool:
        return self.problem is not None and self.problem.inputs > COUNTED

    @cached_property
    def _network(self) -> int:
        return self.graph.apply(NetworkFunctionDefinition(), (), self.problem)

    @cached_property
    def _known(self) -> int:
        return self.graph.apply(KnownWeights(), [self._network])

    @cached_property
    def _paths(self) -> int:
        assert self.problem is not None, "a network that is not supported has no paths"
        return paths_of(self.graph, self.problem)

    @cached_property
    def _margin(self) -> int:
        return self.graph.apply(AdditiveMarginRule(), [self._paths])

    @cached_property
    def _matrices(self) -> int:
        return self.graph.apply(NameMatrices(), [self._known])

    @cached_property
    def _with_logits(self) -> int:
        return self.graph.apply(NameLogits(), [self._known, self._margin])

    @cached_property
    def _accuracies(self) -> dict[str, int]:
        return {}

    def _accuracy(self, name: str) -> int:
        """The accuracy as a strategy proves it, once."""
        if name not in self._accuracies:
            count = strategy(name).derive(self.graph, self._margin, Options(seconds=self.seconds), silent)
            self._accuracies[name] = self.graph.apply(AccuracyFromCount(), [count])
        return self._accuracies[name]

    @cached_property
    def _losses(self) -> dict[bool, int]:
        return {}

    def _loss(self, fine: bool) -> int:
        """Bounds of the loss over more inputs than can be looked at one by one: by a tree, which has a certificate, or
        narrower ones, which have none."""
        fine = fine and not self._beyond
        if fine not in self._losses:
            self._losses[fine] = self._averaged_loss() if fine else self._loss_by_tree()
        return self._losses[fine]

    def _loss_by_tree(self) -> int:
        limit = LOSS_NODES if self.seconds is None else None
        shape = loss_tree_search.search(self.graph.claim(self._paths), self.seconds, limit=limit)
        return self.graph.apply(LossFromSum(), [self.graph.apply(LossTree(), [self._paths], shape)])

    def _averaged_loss(self) -> int:
        try:
            return self.graph.apply(AveragedLoss(), [self._paths], FINE_LOSS)
        except (MagnitudeError, NotEstablished):  # too large for its tables
            return self._loss(fine=False)
