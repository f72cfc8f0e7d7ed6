"""The transcript of a proof, built from its graph alone.

Reads the derivations of one proof in order, their lemmas and their conclusions, and writes them as a
document: the theorem, what must be trusted, the network as its tables show it, the lemmas with proofs,
where every sequence was decided, and how to check it again.  Strategies play no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.claim import Claim
from ..engine.cost import Cost
from ..engine.explain import charged
from ..engine.graph import Derivation, ProofGraph, carried
from ..engine.term import Named, Tensor, Term
from ..engine.transcript import (
    Block,
    CodeBlock,
    DisplayMath,
    Document,
    Figure,
    Listing,
    Paragraph,
    Prose,
    Section,
    Table,
    Text,
    paragraph,
    passage,
    prose,
)
from ..engine.transcript.figures import HeatMap
from ..models.one_layer import one_layer_of
from . import float_exposition
from .breakdown import ledger_of, where_decided, where_lost
from .equation_section import from_the_definition
from .network_sections import network_section, task_section
from .noise_figures import noise_section
from .opening import Theorem, theorem_section, trust_section
from .proof_cost import ProofCost, proof_cost
from .proof_section import proof_section
from .rules.accuracy import Accuracy
from .rules.additive_margin import AdditiveMargin
from .rules.diagonal import Diagonal
from .rules.enclosed_number import EnclosedNumber
from .rules.enumeration import Enumeration
from .rules.float_accuracy import FloatAccuracy
from .rules.float_margin import FloatMargin
from .rules.increasing import Increasing
from .rules.known_matrices import KnownMatrices, named
from .rules.least_margin import LeastMargin
from .rules.loss import LossSum
from .rules.path_decomposition import Paths
from .rules.rank_one import RankOne
from .rules.right_count import RightCount
from .rules.row_difference import RowDifference
from .rules.row_split import RowSplit
from .rules.score_gap import ScoreGap
from .rules.token_order_tree import TokenOrderTree
from .worked import worked_section

TABLES = {
    "EQKE": ("query token $q$", "key token $t$", "how much query $q$ attends to token $t$ (before $1/\\sqrt{d_h}$)"),
    "EQKP": ("query token $q$", "position $p$", "how much query $q$ attends to position $p$"),
    "EVOU": ("token $t$", "output $x$", "what attending to token $t$ adds to logit $x$"),
    "PVOU": ("position $p$", "output $x$", "what attending to position $p$ adds to logit $x$"),
    "UU": ("query token $q$", "output $x$", "the direct path"),
}


def transcript(graph: ProofGraph, goal: int, name: str, detail: str = "appendix") -> Document:
    """The document for the proof of the claim ``goal``; ``name`` is the network's, for people."""
    theorem: Theorem = graph.claim(goal)
    proof = graph.proof(goal)
    claims = {type(graph.claim(step.claim)): graph.claim(step.claim) for step in proof}
    runs = theorem if isinstance(theorem, FloatAccuracy) else None
    statement = theorem.statement
    sections: list[Block]
    files: tuple[tuple[str, str], ...] = ()
    if runs is None:
        sections = [theorem_section(theorem, name), trust_section(statement)]
    else:
        about = f"It assumes that {float_exposition.arithmetic(runs)}."
        # the theorem's own steps say how floats are scaled
        sections = [float_exposition.opening(runs, name), trust_section(statement, about, "real number sqrt")]
    sections += [network_section(statement), task_section(statement.task)]
    if Paths in claims:  # what was assumed has no derivation, and what would be below it is not there
        sections += from_the_definition(graph, proof, statement)
        sections.append(_tables(claims[Paths]))
        sections += noise_section(claims[Paths], [graph.claim(step.claim) for step in proof])
    sections += _mechanism(graph, proof)
    sections.append(proof_section(graph, carried(proof), detail))
    if detail != "summary":
        sections += worked_section(graph, proof)
    if RightCount in claims and Paths in claims:
        single = any(isinstance(step.rule, TokenOrderTree | Enumeration) for step in proof)
        stages = claims[AdditiveMargin if runs is None else FloatMargin].stages if single else None
        ledger = ledger_of(graph, proof) if detail == "full" else None
        sections.append(where_decided(claims[RightCount], stages, ledger, detail))
        files = () if ledger is None else ((ledger.name, ledger.text()),)
    if LossSum in claims:
        sections.append(where_lost(claims[LossSum]))
    sections.append(_price(graph, proof, theorem))
    if runs is not None:
        sections.append(float_exposition.in_between(graph, runs))
    if not graph.is_conditional(goal):
        sets = any(graph.claim(step.claim).shown() for step in proof)
        sections.append(recheck(theorem, sets=sets) if graph.is_certifiable(goal) else without_certificate(graph, goal))
    title = f"{theorem.kind.capitalize()} of {name} on max-of-{one_layer_of(theorem.statement).n_ctx}"
    return Document(title, verdict(graph, goal), tuple(sections), files)


def status(graph: ProofGraph, goal: int) -> str:
    """PROVED, or CONDITIONAL for what rests on an assumption."""
    return "CONDITIONAL" if graph.is_conditional(goal) else "PROVED"


def verdict(graph: ProofGraph, goal: int) -> str:
    """The line that scripts look for."""
    theorem: Theorem = graph.claim(goal)
    return f"s {status(graph, goal)} {theorem.relation()} sha256:{theorem.statement.sha256}"


def _mechanism(graph: ProofGraph, proof: Sequence[Derivation]) -> tuple[Block, ...]:
    """The claims about what the network does that this proof uses; no section where it uses none."""
    claims = [graph.claim(step.claim) for step in proof]
    told = [claim for claim in claims if _mechanistic(claim)]
    if not told:
        return ()
    points = tuple((Paragraph(prose(claim.sentence())),) for claim in told)
    matrices = [claim for claim in claims if isinstance(claim, KnownMatrices) and claim.advice]
    chosen = f" {named(matrices)}" if matrices else ""
    opening = paragraph(f"The proof goes through these claims, which are proved below.{chosen}")
    return (Section("What the network does", (opening, Listing(points))),)


def _mechanistic(claim: Claim) -> bool:
    match claim:
        case RankOne() | Increasing() | ScoreGap() | Diagonal():
            return True
        case RowSplit():  # a table that is its own approximation tells nothing
            return claim.largest > 0
        case RowDifference():
            return _first(claim.term).name in _SMALL
    return False


_SMALL = {f"\\mathrm{{{name}}}" for name in ("EQKP", "PVOU", "UU")}


def _first(term: Term) -> Any:
    """The table or tensor that a sum begins with, such as UU in UU - 1 u."""
    while not isinstance(term, Named | Tensor):
        term = term.parts()[0]
    return term


def _tables(paths: Paths) -> Block:
    header = tuple(prose(text) for text in ("entry", "meaning", "least", "largest", "row difference"))
    rows = []
    for name, (down, across, meaning) in TABLES.items():
        entries = paths.tables[name].fractions()
        spread = max(max(row) - min(row) for row in entries)
        least, largest = min(map(min, entries)), max(map(max, entries))
        row, column = (text.split("$")[1] for text in (down, across))
        numbers = (floor_str(least, 4), ceil_str(largest, 4), ceil_str(spread, 4))
        rows.append((prose(f"$\\mathrm{{{name}}}[{row},{column}]$"), prose(meaning), *map(prose, numbers)))
    table = Table(header, tuple(rows), sides=("left", "left", "right", "right", "right"))
    figures = [_heat_map(name, paths.tables[name].fractions()) for name in ("EQKE", "EVOU")]
    if len(paths.tables["EVOU"].fractions()) > 1:
        figures.append(_off_diagonal(paths.tables["EVOU"].fractions()))
    return Section(
        "The network as its tables show it",
        (
            paragraph(
                "The five tables of [@path-decomposition] consist of exact dyadic rationals. Their least and largest "
                "entries and the largest difference within a row, rounded outward, help to understand the network; no "
                "step of the proof rests on this section."
            ),
            table,
            *_reading(paths),
            *figures,
        ),
    )


def _reading(paths: Paths) -> tuple[Block, ...]:
    """Two facts that the mechanistic story rests on, computed exactly: copying, and attention to large tokens."""
    evou, eqke = paths.tables["EVOU"].fractions(), paths.tables["EQKE"].fractions()
    size = len(evou)
    if size < 2:
        return ()
    margins = [row[t] - max(value for x, value in enumerate(row) if x != t) for t, row in enumerate(evou)]
    copying = sum(margin > 0 for margin in margins)
    ordered = sum(row[t] < row[t + 1] for row in eqke for t in range(size - 1))
    pairs = size * (size - 1)
    return passage(
        f"""
        - *Copying.* The diagonal of $\\mathrm{{EVOU}}$ is the largest entry of its row in {copying} of {size} rows;
          the least margin over the rest of the row
          is ${floor_str(min(margins), 4)}$.
        - *Looking at large tokens.* Along the rows of $\\mathrm{{EQKE}}$ the next larger token has the larger entry
          in {ordered} of {pairs} neighbouring pairs.
        """
    )


Rows = Sequence[Sequence[Fraction | None]]


def _heat_map(name: str, rows: Rows, told: str = "") -> Block:
    """The table ``name``; ``told``: what is left out of it."""
    down, across, meaning = TABLES[name]
    plain = [text.replace("$", "") for text in (down, across)]
    title = f"{name} without its diagonal" if told else name
    picture = HeatMap(title, plain[0], plain[1], tuple(map(tuple, rows)))
    label = f"figure-{name}{'-off-diagonal' * bool(told)}"
    return Figure(picture, prose(f"$\\mathrm{{{name}}}${told}: {meaning}."), f"Heat map of {title}", label)


def _off_diagonal(rows: Rows) -> Block:
    """What copying leaves over: the entries that do not belong to the token itself."""
    left = [[None if x == t else value for x, value in enumerate(row)] for t, row in enumerate(rows)]
    return _heat_map("EVOU", left, " without its diagonal")


# What costs of proofs are counted in, beside the sizes of the network.
LETTERS = {
    "n": "$n$ the number of nodes of the trees, or of the triples $(q, m, x)$ that are counted",
    "G": "$G$ the largest number of grid steps of a triple",
    "h": "$h = d_h$ the width of the head",
}
UNEXPLAINED = (
    "The unexplained dimension is the estimate of arXiv 2406.11779, appendix A.3: how many numbers the proof treats as "
    "unrelated to each other; it is given for the proofs that the estimate covers."
)


def _price(graph: ProofGraph, proof: Sequence[Derivation], theorem: Theorem) -> Block:
    network = one_layer_of(theorem.statement)
    if isinstance(theorem, Accuracy):
        account = proof_cost(graph, proof[-1].claim)
        growth = account.growth
        counted = (_account(account), *([paragraph(UNEXPLAINED)] if account.dimension is not None else []))
    else:
        growth, counted = sum((charged(graph, step) for step in proof), Cost()).leading(), ()
    letters = {str(symbol) for symbol in growth.free_symbols}
    meant = ", ".join(words for letter, words in LETTERS.items() if letter in letters)
    grows = f"With {meant}, their number grows as" if meant else "Their number grows as"
    brute = network.d_vocab ** (network.n_ctx + 1) * network.n_ctx * network.d_model
    return Section(
        "What the proof costs",
        (
            paragraph(f"The verifier's operations are counted; advice is free. {grows}"),
            DisplayMath(f"O\\left({sympy.latex(growth)}\\right)."),
            paragraph(f"Evaluating the network on every input costs $V^{{K+1}} K d = {brute}$ multiplications."),
            *counted,
        ),
    )


def _account(account: ProofCost) -> Table:
    """The operations of this proof, for this network."""
    names = ("multiplications", "additions", "exponentials", "comparisons", "longest integer", "unexplained dimension")
    numbers = (account.multiply, account.add, account.exp, account.compare, account.bits)
    told = [*map(str, numbers[:-1]), f"{numbers[-1]} bits"]
    told += [] if account.dimension is None else [str(account.dimension)]
    rows = tuple((prose(name), prose(number)) for name, number in zip(names, told, strict=False))
    return Table((prose("this proof"), prose("count")), rows, sides=("left", "right"))


def no_certificate(graph: ProofGraph, goal: int) -> str:
    """Why there is none."""
    steps = {step.claim: step for step in graph.proof(goal)}
    unknown: dict[str, None] = {}
    waiting = [goal]
    while waiting:
        step = steps[waiting.pop()]
        if graph.claim(step.claim).shown() is None:
            if step.rule.certifiable:
                waiting += step.carried
            else:
                unknown[step.rule.tag] = None
    return f"There is no certificate of this proof: the independent checker does not know {', '.join(unknown)}."


def without_certificate(graph: ProofGraph, goal: int) -> Block:
    text = f"{no_certificate(graph, goal)} Prove it again, from your weights."
    return Section("How to check it again", (paragraph(text),))


SETS = (
    "The certificate names the sets of inputs that this proof shows right (or whose losses it bounds), and a checker "
    "takes the exact extremes of each from the weights. That shows that the theorem is true; that the lemmas above "
    "suffice for it is shown by their proofs, and by running the stored proof again."
)


WIDER = (
    "The certificate says a little less than the theorem: a checker evaluates every input again, in coarser numbers, "
    "and takes finer ones only where these do not suffice."
)


def recheck(theorem: Theorem | LeastMargin, options: str = "", told: str = "", *, sets: bool = False) -> Block:
    said = theorem.certified() if isinstance(theorem, EnclosedNumber) else theorem
    command = (
        f"mechproof check certificate.json --weights WEIGHTS{options}\n"
        f"python -I -S engine/checker certificate.json --weights WEIGHTS{options}"
    )
    verdict: Prose = (
        Text(
            "The first needs mechproof, the second only Python and the folder of the checker. WEIGHTS is your own "
            f"copy{told}; the first line to expect is"
        ),
    )
    return Section(
        "How to check it again",
        (
            CodeBlock(command),
            Paragraph(verdict),
            CodeBlock(f"s VERIFIED {said.relation()} sha256:{theorem.statement.sha256}"),
            *([] if said.relation() == theorem.relation() else [paragraph(WIDER)]),
            *([paragraph(SETS)] if sets else []),
        ),
    )
