"""What the words and symbols of proofs through path tables mean: cells, reaches, splits, gaps."""

from __future__ import annotations

from ...engine.rule import Notion

CELL = Notion(
    label="cell",
    title="Cells",
    text=(
        "For tokens $q \\le m$ the *cell* $(q, m)$ is the set of all sequences whose last token, the *query*, is $q$ "
        "and "
        "whose largest token is $m$. The other $K - 1$ positions are *free*. The cell has $(m+1)^{K-1}$ sequences when "
        "$q = m$, and $(m+1)^{K-1} - m^{K-1}$ when $q < m$, where the token $m$ must stand at a free position. Every "
        "sequence lies in exactly one cell."
    ),
)

TERMS = (
    "$\\lambda_q(p,t,x) = \\mathrm{UU}[q,x] + \\mathrm{EVOU}[t,x] + \\mathrm{PVOU}[p,x]$, $w_q(p,t) = "
    "\\exp((\\mathrm{EQKE}[q,t] + \\mathrm{EQKP}[q,p])/\\sqrt{d_h})$, which is the exponential of the score, and "
    "$D_{q,m,x}(p,t) = w_q(p,t)\\,(\\lambda_q(p,t,x) - \\lambda_q(p,t,m))$."
)
MARGIN_TERMS = Notion(
    label="margin-terms",
    title="Weights and terms of margins",
    text=f"For the query $q$, the maximum $m$, an output $x$, a position $p$ and a token $t$ put {TERMS}",
)

MIXED = Notion(
    label="tokens-below",
    title="Sequences by their smaller tokens",
    text=(
        "For a cell $(q, m)$, a number $0 \\le n \\le K - 1$ and a set $N$ of tokens below $m$, the set $(q, m, n, N)$ "
        "consists of the sequences with the query $q$ of which $n$ of the free positions hold tokens of $N$ and the "
        "other free positions hold $m$; when $q < m$, $n < K - 1$. It has $C(K-1, n)\\,|N|^n$ sequences, $C(K-1, n)$ "
        "the "
        "number of ways to choose $n$ of $K - 1$ positions. Two of them with different $q$, $m$ or $n$ have no "
        "sequence in common."
    ),
    needs=(CELL,),
)

REACH = Notion(
    label="reach",
    title="Reach",
    text=(
        "For $0 \\le c < K$, $(q, m, c)$ is the part of the cell $(q, m)$ in which exactly $c$ of the $K$ positions "
        "hold "
        "another token than $m$; the last position is among them when $q < m$. Such a sequence is within the *reach* "
        "$j < m$ when each of these $c$ tokens is at most $j$. The proof chooses a reach for some of the "
        "$(q, m, c)$ with $c \\ge 1$; these are *treated*. Nothing is said of the others, nor beyond the reach."
    ),
    needs=(CELL,),
)

SPLIT_TABLE = Notion(
    label="split",
    title="Splits",
    text=(
        "A *split* of a table $T$ consists of a table $\\widehat{T}$ and numbers $\\nu_T(q, j) \\ge 0$, its *noise*, "
        "with "
        "$$T[q,i] - T[q,j] \\le \\widehat{T}[q,i] - \\widehat{T}[q,j] + \\nu_T(q, j)$$ for all rows $q$ and all "
        "columns "
        "$i$ and $j$. Often $\\nu_T(q, j)$ depends on $q$ alone, and all rows of $\\widehat{T}$ are equal or of low "
        "rank. "
        "A table that is known exactly is its own split: $\\widehat{T} = T$ and $\\nu_T = 0$."
    ),
)

SCORE_GAPS = Notion(
    label="score-gaps",
    title="Score gaps",
    text=(
        "For a treated $(q, m, c)$ with the reach $j$ and the split $\\widehat{\\mathrm{EQKE}}$, "
        "$\\nu_{\\mathrm{EQKE}}$ of EQKE put"
        "$$\\Delta^{-} = \\widehat{\\mathrm{EQKE}}[q,m] - \\max_{k \\le j} \\widehat{\\mathrm{EQKE}}[q,k] - "
        "\\nu_{\\mathrm{EQKE}}(q), \\qquad \\Delta^{+} = \\widehat{\\mathrm{EQKE}}[q,m] - \\min_{k \\le j} "
        "\\widehat{\\mathrm{EQKE}}[q,k] + \\nu_{\\mathrm{EQKE}}(q).$$"
        "Then $\\Delta^{-} \\le \\mathrm{EQKE}[q,m] - \\mathrm{EQKE}[q,k] \\le \\Delta^{+}$ for all tokens $k \\le "
        "j$: the "
        "gap between the scores of $m$ and of $k$, before the factor $1/\\sqrt{d_h}$."
    ),
    needs=(REACH, SPLIT_TABLE),
)

LOGIT_GAP = Notion(
    label="logit-gaps",
    title="Logit gaps",
    text=(
        "The *logit gap* to an output $x \\ne m$ is $\\mathrm{logit}_x - \\mathrm{logit}_m$; a sequence with the "
        "maximum "
        "$m$ is right if and only if all of them are negative. With a split $\\widehat{\\mathrm{UU}}$, "
        "$\\nu_{\\mathrm{UU}}$ of UU, of "
        "which all rows are one row $a$, a split $\\widehat{\\mathrm{EVOU}}$, $\\nu_{\\mathrm{EVOU}}$ of EVOU, and "
        "for a reach $j$, put"
        "$$b_x = a(x) - a(m) + \\max_{0 \\le p < K} (\\mathrm{PVOU}[p,x] - \\mathrm{PVOU}[p,m]), \\qquad "
        "g = \\nu_{\\mathrm{UU}}(q, m),$$"
        "$$r_x = \\widehat{\\mathrm{EVOU}}[m,x] - \\widehat{\\mathrm{EVOU}}[m,m] + \\nu_{\\mathrm{EVOU}}(m),$$"
        "$$w = \\max_{k \\le j} \\max_{x \\ne m} (\\widehat{\\mathrm{EVOU}}[k,x] - \\widehat{\\mathrm{EVOU}}[k,m] + "
        "\\nu_{\\mathrm{EVOU}}(k)), \\qquad f(\\alpha) = \\max_{x \\ne m} (b_x + \\alpha r_x).$$"
        "So $b_x$ is what neither the maximum's token nor the others' decide, $r_x$ what a copy of $m$ adds to the "
        "gap, "
        "$w$ the most that another token within the reach adds, and $g$ the noise of the direct path."
    ),
    needs=(REACH, SPLIT_TABLE),
)

NODE = Notion(
    label="node",
    title="Nodes, and how they part",
    text=(
        "Order the tokens up to $m$ of a cell $(q, m)$: $\\tau_0 = m$, and $\\tau_1, \\dots, \\tau_m$ the others from "
        "the "
        "largest $\\mathrm{EQKE}[q, \\cdot]$ down. A *node* is a set of sequences of the cell in which every free "
        "position either holds a given token or may hold any of $\\tau_i, \\dots, \\tau_m$ for an $i$ of its own: a "
        "product "
        "of sets, a *box*. It is parted at a free position: into the sequences that hold $\\tau_i$ there and those "
        "that "
        "hold one of $\\tau_{i+1}, \\dots, \\tau_m$. The tree of a cell with $q = m$ starts from the whole cell; for "
        "$q < m$ it starts from $K - 1$ nodes, of which the $p$-th holds the sequences whose first free position with "
        "the token $m$ is $p$. *Leaves* are the nodes that are not parted."
    ),
    needs=(CELL,),
)
