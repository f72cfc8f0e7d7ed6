"""The proof as a transcript tells it: step by step, each notion and each lemma before its first use."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from ..engine.claim import Claim
from ..engine.formula import Formula
from ..engine.formula_rows import rows
from ..engine.graph import Derivation, ProofGraph
from ..engine.rule import Lemma, Notion, Rule
from ..engine.transcript import (
    Block,
    Code,
    DisplayMath,
    Paragraph,
    Prose,
    Section,
    Statement,
    Strong,
    Text,
    paragraph,
    passage,
    prose,
)
from .equation_section import abbreviations
from .rules.known_matrices import KnownMatrices, named

# Signs that a row of a displayed formula may have, where it can be broken.
WIDE = 56
CITED = re.compile(r"\[@([^\]]+)\]")


def proof_section(graph: ProofGraph, proof: Sequence[Derivation], detail: str) -> Section:
    """``detail``: lemmas have their proofs, but for "summary"."""
    blocks: list[Block] = [
        paragraph(
            "Each step applies a rule to claims that are already proved. A rule's lemma holds for all weights; what "
            "it gives on these weights is stated after it."
        )
    ]
    told: set[str] = set()
    for (rule, derived), steps in groupby(proof, key=lambda step: (step.rule, _derived(graph, step))):
        for notion in _with_needs(rule.notions):
            if notion.label not in told:
                told.add(notion.label)
                blocks.append(Statement("definition", notion.label, prose(notion.title), tuple(passage(notion.text))))
        for lemma in rule.lemmas:
            if lemma.label not in told and lemma.label in CITED.findall(derived):
                told.add(lemma.label)
                blocks.append(lemma_block(lemma, with_proof=detail != "summary"))
        blocks += _step(rule, derived, _sentences([graph.claim(step.claim) for step in steps]))
    return Section("The proof", tuple(blocks))


def _derived(graph: ProofGraph, step: Derivation) -> str:
    return step.rule.derived([graph.claim(premise) for premise in step.premises], step.advice)


def _sentences(claims: Sequence[Claim]) -> list[str]:
    """The conclusions of steps in a row, matrices of advice in one sentence."""
    matrices = [claim for claim in claims if isinstance(claim, KnownMatrices) and claim.advice]
    if len(matrices) == len(claims):
        return [named(matrices)]
    return [claim.sentence() for claim in claims]


def _with_needs(notions: Sequence[Notion]) -> Iterator[Notion]:
    for notion in notions:
        yield from _with_needs(notion.needs)
        yield notion


def _step(rule: Rule, derived: str, conclusions: Sequence[str]) -> list[Block]:
    """One application of a rule, or several in a row that are told in the same words."""
    head: Prose = (
        Strong((Text("Rule "), Code(rule.tag))),
        Text(". " if rule.shipped else " (not part of mechproof, not reviewed with it). "),
    )
    found: Prose = (Text(" Hence: "), *prose(" ".join(dict.fromkeys(conclusions))))
    blocks: list[Block] = [*passage(derived)]
    blocks[0] = _joined(head, blocks[0])
    blocks[-1] = _joined((), blocks[-1], found)
    return blocks


def _joined(before: Prose, block: Block, behind: Prose = ()) -> Block:
    assert isinstance(block, Paragraph), "a derivation begins and ends with words"
    return Paragraph((*before, *block.inlines, *behind))


def _displayed(formula: Formula) -> str:
    """On one line, or over several if that is too wide."""
    first, *others = rows(formula, WIDE)
    if not others:
        return first.removeprefix("&")
    return "\\begin{aligned} " + " \\\\ ".join([first, *others]) + " \\end{aligned}"


def lemma_block(lemma: Lemma, *, with_proof: bool) -> Statement:
    """What the lemma says, with what it abbreviates written out first."""
    body: list[Block] = [paragraph(lemma.given)]
    if isinstance(lemma.statement, Formula):
        body.append(DisplayMath(_displayed(lemma.statement)))
    else:
        sides = [side for equation in lemma.statement for side in (equation.left, equation.right)]
        short = {str(named): named for side in sides for named in abbreviations(side)}
        body += [DisplayMath(f"{named} = {named.body}") for named in short.values()]
        body.append(paragraph("Then:"))
        body += [DisplayMath(f"{equation.left} \\;=\\; {equation.right}") for equation in lemma.statement]
    source = Paragraph((Text("Source: "), *prose(lemma.source), Text(".")))
    proof = (*passage(lemma.proof), source) if with_proof else None
    return Statement("lemma", lemma.label, prose(lemma.title), tuple(body), proof)
