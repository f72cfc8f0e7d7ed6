"""The section of a transcript that leads from the definition of a network to its tables, in named steps.

Each step is one line; in HTML its rewrites unfold below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from ..engine.equality import Equal
from ..engine.explain import NamedLine, equation_lines
from ..engine.graph import Derivation, ProofGraph
from ..engine.rewriting import positions
from ..engine.term import Named, Term
from ..engine.transcript import Block, CodeBlock, DisplayMath, Folded, Listing, Section, paragraph, passage, prose
from ..engine.transcript.plain import plain_formula
from ..models.one_layer import OneLayer, one_layer_of
from ..models.statement import Statement
from .rules.path_decomposition import PathDecomposition
from .standard_forms import MEANINGS

# Signs of LaTeX up to which the term behind a step, and those of a rewrite, are shown.
SHORT = 600


def from_the_definition(graph: ProofGraph, proof: Sequence[Derivation], statement: Statement) -> tuple[Block, ...]:
    """The section for the statement's network, or for its rounded weights; nothing where the proof needs no tables."""
    steps = [step for step in proof if isinstance(step.rule, PathDecomposition)]
    own = [step for step in steps if graph.claim(step.claim).statement.sha256 == statement.sha256]
    return tuple(_section(graph, step.premises[1], one_layer_of(statement)) for step in (own or steps)[:1])


def _section(graph: ProofGraph, equation: int, layer: OneLayer) -> Section:
    return Section(
        "From the definition to the tables",
        (
            *passage(
                f"""
                Written with matrices: row $p$ of $X^{{(k)}}$ is $x^{{(k)}}_p$; $W_E$ is the tensor $E^{{(0)}}$,
                $W_{{\\mathrm{{pos}}}}$ holds the first $K$ rows of the tensor $P^{{(0)}}$, and $W_Q$, $W_K$, $W_V$,
                $W_O$,
                $W_U$, $b_Q$, $b_K$, $b_V$, $b_O$ and $b_U$ are the tensors of the layers 1 and 2 of these names; those
                that the network does not have are 0. There are $K = {layer.n_ctx}$ positions, $V = {layer.d_vocab}$
                tokens and outputs, rows of $d = {layer.d_model}$ numbers, and the head has the width
                $d_h = {layer.d_head}$. $S$ is the selection of the input $t$ (row $p$ of it is the indicator of token
                $t_p$), $\\mathbf{{1}}$ a column of ones, $A[i]$ row $i$ of a matrix $A$, $A^{{\\top}}$ its transpose,
                and
                $\\operatorname{{softmax}}$ acts on every row; as $\\operatorname{{softmax}}_{{\\le}}$ it lets
                position $p$
                see itself and those before it. The logits at the last position are:
                """
            ),
            *chain(graph, equation, "\\mathrm{logits}(t)", "the tables of [@path-decomposition]"),
        ),
    )


def chain(graph: ProofGraph, equation: int, left: str, goal: str) -> tuple[Block, ...]:
    """An equation of what ``left`` names: both sides with their abbreviations, and the steps between them."""
    claim: Equal = graph.claim(equation)
    steps = named_steps(equation_lines(graph, equation))
    before = abbreviations(claim.left)
    tables = [short for short in abbreviations(claim.right) if short not in before]
    count = sum(len(step.rewrites) for step in steps)
    return (
        *_definitions(before),
        DisplayMath(f"{left} = {claim.left}"),
        paragraph(
            f"The following steps, {count} elementary rewrites in all, lead from there to {goal}. Each rewrite "
            "applies one of a fixed list of equations, its conditions are proved, and replaying the proof runs it "
            "again." + (" The abbreviations of the result:" if tables else "")
        ),
        *_definitions(tables),
        *((paragraph("The steps:"),) if tables else ()),
        Listing(tuple((_folded(graph, step),) for step in steps), ordered=True),
        DisplayMath(f"{left} = {claim.right}"),
    )


def _definitions(terms: Sequence[Named]) -> tuple[Block, ...]:
    return tuple(DisplayMath(f"{short} = {short.body}") for short in terms)


def named_steps(lines: Sequence[NamedLine]) -> list[NamedLine]:
    """The lines with neighbours of one name put together; what has no name of its own belongs to what precedes it."""
    names: list[str] = []
    for line in lines:
        names.append(line.name if line.name in MEANINGS or not names else names[-1])
    steps = []
    for name, group in groupby(zip(names, lines, strict=True), key=lambda pair: pair[0]):
        parts = [line for _, line in group]
        conditions = tuple(dict.fromkeys(claim for part in parts for claim in part.conditions))
        rewrites = tuple(rewrite for part in parts for rewrite in part.rewrites)
        steps.append(replace(parts[-1], name=name, rewrites=rewrites, conditions=conditions))
    return steps


def _folded(graph: ProofGraph, step: NamedLine) -> Folded:
    """The step's line with its conditions; below it a line a rewrite, and the term that is reached if it is short."""
    count = f"{len(step.rewrites)} rewrite{'s' * (len(step.rewrites) != 1)}"
    # The section is about one statement, so its conditions need not say which.
    conditions = " ".join(replace(graph.claim(claim), about="").sentence() for claim in step.conditions)
    line = f"**{step.name[:1].upper()}{step.name[1:]}** ({count}). {MEANINGS.get(step.name, '')} {conditions}"
    reached = (DisplayMath(f"= {step.term}"),) if len(str(step.term)) < SHORT else ()
    return Folded(prose(line.strip()), (CodeBlock("\n".join(_rewrites(step))), *reached))


def _rewrites(step: NamedLine) -> list[str]:
    width = max(len(entry) for entry, _, _ in step.rewrites)
    return [f"{entry:<{width}}  {_written(str(before), str(after))}" for entry, before, after in step.rewrites]


def _written(before: str, after: str) -> str:
    """A rewrite in signs of text; of long terms only how long they are, since nobody reads them."""
    if max(len(before), len(after)) > SHORT:
        return f"(terms of {len(before)} and {len(after)} signs)"
    return f"{plain_formula(before)} = {plain_formula(after)}"


def abbreviations(term: Term) -> list[Named]:
    """The abbreviations that a term rests on, those first that others rest on."""
    found: dict[str, Named] = {}
    for _, part in positions(term):
        if isinstance(part, Named) and str(part) not in found:
            found |= {str(inner): inner for inner in abbreviations(part.body)}
            found[str(part)] = part
    return list(found.values())
