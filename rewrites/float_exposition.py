"""The parts of a transcript that only theorems about float runs have."""

from __future__ import annotations

from ..engine.arithmetic.printing import ceil_str, floor_str
from ..engine.graph import ProofGraph
from ..engine.transcript import Block, Code, Listing, Paragraph, Section, Statement, Text, paragraph, passage, prose
from ..models.float_statement import NOT_COVERED, STORED
from ..models.one_layer import one_layer_of
from .rules.float_accuracy import FloatAccuracy
from .rules.float_error import rounded_up
from .undecided_inputs import LISTED, float_margin, undecided_inputs

PROGRAM = (
    "for the tokens $t_p$, $x_p = W_E[t_p] + W_{\\mathrm{pos}}[p]$; $q = x_{K-1} W_Q + b_Q$, $k_p = x_p W_K + b_K$, "
    "$v_p = x_p W_V + b_V$",
    "$s_p = (q \\cdot k_p)/c$, or times a rounded $1/c$, where $c$ is $\\sqrt{d_h}$ rounded",
    "$e_p = \\exp(s_p - \\max_j s_j)$ and $a_p = e_p/\\sum_j e_j$, or times a rounded reciprocal of the sum",
    "$z = \\sum_p a_p v_p$, or $z = (\\sum_p e_p v_p)/\\sum_j e_j$ likewise",
    "$r = x_{K-1} + z\\,W_O + b_O$, one sum with the terms of $z\\,W_O$",
    "$\\mathrm{logits} = r\\,W_U + b_U$",
)


def arithmetic(theorem: FloatAccuracy) -> str:
    """The model of arithmetic and the assumption about the exponential, in one sentence."""
    form, ulps = theorem.statement.format, theorem.statement.exp_ulps
    stored = (
        ""
        if not form.storage
        else f", and storing a number in {form.name} one of at most $2^{{-{form.stored}}}$ besides"
    )
    return (
        "every addition, multiplication (fused or not) and division has a relative error of at most "
        f"$2^{{-{form.accumulated}}}${stored}; what falls below $2^{{{form.least_exponent}}}$ may be kept, rounded or "
        "flushed to zero; sums are taken in any order; and the exponential errs by at most "
        f"{ulps} units in the last place of {form.accumulated} bits"
    )


def opening(theorem: FloatAccuracy, name: str) -> Block:
    """The theorem."""
    form, network, (low, high) = theorem.statement.format.name, one_layer_of(theorem.statement), theorem.bounds
    short = bool(theorem.statement.format.storage)
    twice = f", at once or by way of {theorem.statement.format.accumulated} bits" if short else ""
    decimals = ""
    if theorem.between:
        decimals = f" In decimals every run's accuracy lies between {floor_str(low, 8)} and {ceil_str(high, 8)}."
    body = passage(
        f"""
        This theorem is about {form} runs, not about real numbers: {arithmetic(theorem)}.

        Let $W_E$, $W_{{\\mathrm{{pos}}}}$, $W_Q$, $W_K$, $W_V$, $W_O$, $W_U$, $b_Q$, $b_K$, $b_V$, $b_O$ and $b_U$ be
        the stored tensors, each number rounded to the nearest {form}
        number{twice} (one attention layer, one head;
        $V = {network.d_vocab}$, $K = {network.n_ctx}$, $d = {network.d_model}$, $d_h = {network.d_head}$). A run
        computes, in this order:
        """
    )
    subject = Paragraph(
        (
            Text("The network: "),
            Code(name),
            Text(". The statement's hash, the arithmetic included: "),
            Code(f"sha256:{theorem.statement.sha256}"),
            Text(f"; that of the theorem about real numbers: sha256:{theorem.real.statement.sha256}."),
        )
    )
    result = passage(
        f"""
        {theorem.meaning}

        {theorem.sentence()}{decimals}
        """
    )
    steps = Listing(tuple((paragraph(f"{step}."),) for step in PROGRAM))
    kept = ""
    if short:
        kept = (
            f"These numbers may be stored: {STORED}. What reads one of them may read it as stored or as computed, and "
            "the maximum is that of the numbers from which it is subtracted. "
        )
    covered = paragraph(
        f"{kept}Any step may be computed with less error, or in one piece with another. Not covered are "
        f"{'; '.join(NOT_COVERED)}."
    )
    return Section("Theorem", (Statement("theorem", theorem.kind, (), (*body, steps, covered, *result, subject)),))


def in_between(graph: ProofGraph, theorem: FloatAccuracy) -> Block:
    """The a-priori error, and the inputs that it leaves open."""
    margin = float_margin(graph)
    assert margin is not None, "a theorem about float runs rests on their margin"
    blocks = [
        paragraph(
            f"By the proof no run's difference of a logit and that of the largest token is off by more than "
            f"${rounded_up(margin.error.logit_difference)}$ (from the real function of the rounded weights). "
            + (f"On {theorem.between} inputs this leaves" if theorem.between else "On no input this leaves")
            + " open what runs return."
        )
    ]
    listed = undecided_inputs(graph)
    if listed:
        first = "" if theorem.between <= LISTED else f"The first {LISTED}: "
        shown = "; ".join(f"$({', '.join(map(str, tokens))})$" for tokens in listed)
        blocks.append(Paragraph(prose(f"{first}{shown}.")))
    return Section("Inputs in between", tuple(blocks))
