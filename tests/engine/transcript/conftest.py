"""One small document that has every kind of node, and text of the kind a hostile file holds."""

from fractions import Fraction

import pytest

from mechproof.engine.transcript import (
    Code,
    CodeBlock,
    Document,
    Figure,
    Folded,
    Listing,
    Paragraph,
    Section,
    Statement,
    Table,
    Text,
    paragraph,
    passage,
    prose,
)
from mechproof.engine.transcript.figures import Bars, Curve, HeatMap

HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def document() -> Document:
    theorem = Statement(
        "theorem",
        "accuracy",
        prose("Accuracy"),
        (
            Paragraph((*prose(r"The network $\mathcal{M}$ with weights "), Code(HASH), *prose(" is right on "))),
            *passage(r"$$\#\{ t \in \{0,1\}^4 : \operatorname*{arg\,max}_x \mathcal{M}(t)_x = \max_p t_p \} \ge 15.$$"),
        ),
    )
    lemma = Statement(
        "lemma",
        "gap",
        (),
        passage(r"For all $r$ and $i \ne j$: $$A_{r,i} - A_{r,j} \le \sqrt{2}\,\lVert A_r\rVert_2.$$[#row]"),
        passage(r"""
            By Cauchy–Schwarz,
            $$\begin{aligned}
            A_r (e_i - e_j) &\le \lVert A_r\rVert_2\,\lVert e_i - e_j\rVert_2 \\ &= \dots
            \end{aligned}$$

            - *first* case: $i < j$;
            - **second** case, as in [@accuracy].
        """),
    )
    claims = Table(
        (prose("claim"), prose("proved number")),
        (
            (prose("$EQKP$ is small"), prose(r"$\le 2^{-4}$")),
            ((Text("50% | a_b"),), (*prose("see [@gap] "), Code("x|y"))),
        ),
        prose("Mechanistic claims."),
        ("left", "right"),
        "claims",
    )
    matrix = ((Fraction(1, 3), -2), (0, 3))
    figures = (
        Figure(HeatMap("EVOU", "input", "output", matrix), prose("The matrix $EVOU$."), "two by two cells", "evou"),
        Figure(Bars("slack", ("residual", "mean"), (Fraction(1, 2), 0)), prose("Slack."), "two bars"),
        Figure(Curve("curve", "cost", "bound", ((1, 0, "trivial"), (1000, 1, "full"))), prose("Price."), "two steps"),
    )
    again = Section(
        "How to re-check",
        (
            CodeBlock("mechproof check certificate.json\n  --weights 'w.safetensors'"),
            Folded(prose("**In steps**: $a = b$, by 2 rewrites."), (CodeBlock("one  a + a = b\ntwo  <b>"),)),
            Listing((passage("See [@claims], [@evou], [@row] and [@again]."), passage("Done.")), ordered=True),
            Paragraph((Text(r"Hostile: <b onclick='x'> & \input{a} $x$ [a](b) *c* `d` " + "\u202eevil"),)),
        ),
        "again",
    )
    return Document(
        "A small proof",
        f"s PROVED accuracy >= 15/16 sha256:{HASH}",
        (
            Section("The theorem", (theorem, paragraph("What follows is trusted."), claims)),
            Section("The lemmas", (lemma, *figures, again)),
        ),
    )
