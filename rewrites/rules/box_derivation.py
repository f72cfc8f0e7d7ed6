"""How a tree of boxes shows margins, in the words and formulas that the network at hand needs: its heads, its MLP, its
norm, and the kind of its sets of inputs."""

from __future__ import annotations

from ...engine.form import Form
from ...engine.rule import Notion
from ...models.statement import Statement
from ..boxes.answers import ReadPosition

SEPARABLE = Notion(
    label="separable-margin",
    title="Margins as sums over positions",
    text=(
        "Fix a read position $f$ and a set of inputs on which the token $q$ at $f$ and the right answer $c$ are the "
        "same, and an output $z \\ne c$. In the head $h$ of the attention, $0 \\le h < H$, the position $p \\le f$ "
        "with the token $t$ has the weight $w_h(p, t)$, the exponential of its score for the query at $f$. Its value, "
        "moved by all that is linear behind the head, adds $n_h(p, t)$ to $\\mathrm{logits}_c - \\mathrm{logits}_z$ "
        "if the head attends to it alone; $\\delta$ is what the row at $f$ itself and the biases add. Where there is "
        "nothing else behind the attention, the *margin* of $c$ over $z$ on an input $t$ is "
        "$$\\mathrm{logits}_c - \\mathrm{logits}_z = \\delta + \\sum_{0 \\le h < H} \\frac{N_h}{D_h}, \\qquad N_h = "
        "\\sum_{p \\le f} w_h(p, t_p)\\,n_h(p, t_p), \\qquad D_h = \\sum_{p \\le f} w_h(p, t_p).$$ "
        "An input is right at $f$ if and only if its margins over all $z \\ne c$ are above 0."
    ),
)

PRODUCT = (
    "On a product of sets $T_p$ of tokens put $$m[g] = \\sum_{p \\le f} \\min_{t \\in T_p} g(p, t)$$ for a table $g$ "
    "of numbers; by [@box-extremes] it is the least $\\sum_p g(p, t_p)$."
)
LABELLED = (
    "On a set of inputs whose labels $\\ell(t_p)$ add up to a number between $\\beta_0$ and $\\beta_1$, $t_p$ in "
    "$T_p$, put $$m[g] = \\min(\\theta \\beta_0, \\theta \\beta_1) + \\sum_{p \\le f} \\min_{t \\in T_p} (g(p, t) - "
    "\\theta\\,\\ell(t))$$ for a table $g$ of numbers and any $\\theta$; by [@sum-extremes] it is at most every "
    "$\\sum_p g(p, t_p)$."
)
LISTS = (
    "On a set of lists of different numbers let $m[g]$ be the number $B(k, N)$ of [@list-extremes] for a table $g$ in "
    "place of $D$, which is at most every $\\sum_p g(p, t_p)$: numbers whose place is not known count the least of "
    "their entries there."
)


def derivation(statement: Statement, form: Form) -> str:
    """The words for this network and task."""
    space = ReadPosition(statement.network, statement.task, 0)
    by_kind = LABELLED if space.labels is not None else PRODUCT
    least = LISTS if statement.task.inputs.condition == "sorted" else by_kind
    told = [
        "The inputs are split along a tree, by [@box-parts] into disjoint sets whose sizes add up.",
        least,
        *([_hidden(form)] if form.hidden is not None else []),
        *([NORM] if form.kappa is not None else []),
        _heads() if form.heads > 1 else ONE_HEAD,
        "An input of a set that is to be decided one by one is evaluated by itself. All numbers are integers, rounded "
        "to the safe side; the tree, and the numbers with which its tests succeed, are in the certificate.",
    ]
    return " ".join(told)


ONE_HEAD = (
    "By [@ratio-bound] the margin over $z$ is above 0 on the whole set when $$m[w_0\\,(n_0 + \\delta)] > 0,$$ and at "
    "most 0 when $m[-w_0\\,(n_0 + \\delta)] \\ge 0$. A set is right throughout when the first holds for every $z \\ne "
    "c$, and wrong throughout when the second holds for one."
)
NORM = (
    "A norm before the unembedding divides by a number $\\sigma > 0$; times $\\sigma$ a margin keeps its sign, and is "
    "the sum above, with the gains in its values, plus $\\kappa \\sigma$, where $\\kappa$ is what the shift of the "
    "norm "
    "and the bias of the unembedding give $c$ more than $z$. For $\\kappa \\ge 0$ this term is dropped; else $\\sigma$ "
    "is at most the mixture of [@norm-before-unembedding], and $\\kappa$ times it is added to $n_h$ and $\\delta$."
)


def _heads() -> str:
    return (
        "Choose numbers $\\gamma_0, \\dots, \\gamma_{H-1}$ that add up to $-\\delta$, and let $\\rho_h$ be one of the "
        "bounds $\\rho(h,0) \\le D_0/D_h \\le \\rho(h,1)$. By [@joint-heads] the margin over $z$ is above 0 on the "
        "whole set "
        "when $$m\\Bigl[w_0\\,(n_0 - \\gamma_0) + \\sum_{1 \\le h < H} \\rho_h\\,w_h\\,(n_h - \\gamma_h)\\Bigr] > "
        "0$$ for "
        "every choice of the $\\rho_h$; it is at most 0 when the same holds for $-n_h$ and $-\\delta$ with $\\ge$ "
        "in place of "
        "$>$. The bounds of $D_0/D_h$ hold when $m[w_0 - \\rho(h,0)\\,w_h] \\ge 0$ and $m[\\rho(h,1)\\,w_h - w_0] "
        "\\ge 0$. A "
        "set is right throughout when the first is shown for every $z \\ne c$, and wrong throughout when the second is "
        "shown for one."
    )


def _hidden(form: Form) -> str:
    several = form.heads > 1
    added = "each $n_h(p, t)$" if several else "$n_0(p, t)$"
    return (
        "Unit $i$ of the MLP reads a number $z_i$, a constant of the set and for each head $h$ the mean of numbers "
        "$g_{hi}(p, "
        "t)$ with the weights $w_h(p, t)/D_h$. For numbers $\\lambda_{hi} \\le \\mu_{hi}$ this mean lies between "
        "them when, by "
        "[@ratio-bound], $m[w_h\\,(g_{hi} - \\lambda_{hi})] \\ge 0$ and $m[w_h\\,(\\mu_{hi} - g_{hi})] \\ge 0$, and "
        "so $z_i$ "
        "lies between sums of them. There the activation function lies above, or below, a line "
        "with the slope $s_i$ and the intercept $a_i$, whichever [@pointwise-lines] asks for: with $v_i$ what the "
        "unit's "
        "output adds to $\\mathrm{logits}_c - \\mathrm{logits}_z$, $\\sum_i v_i s_i g_{hi}(p, t)$ is added to "
        f"{added}, and $\\sum_i v_i a_i$ with the constants to $\\delta$."
    )
