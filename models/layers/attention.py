"""Attention: x_p += Σ_h Σ_m a^h_pm ((y_m W_V^h + b_V^h) W_O^h) + b_O, with a^h_p the softmax of the scaled scores.

    s^h_pm = c·((y_p W_Q^h + b_Q^h)·(y_m W_K^h + b_K^h)),    y = N(x) if the layer has a norm, else x.

A causal mask lets p see the positions m ≤ p, no mask all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ...engine.arithmetic.dyadic import DyadicMatrix
from ...engine.arithmetic.tensor import DyadicTensor
from ...engine.network_terms import MaskedSoftmax
from ...engine.term import Tensor, Term
from .layer import Layer, LayerError, Stream, named_tensor, plus_rows, tensor_name
from .norm import Norm

MASKS = ("causal", "none")


@dataclass(frozen=True)
class Scale:
    """The factor c of the scores: factor/sqrt(root), exactly; positive.

    >>> Scale(root=32).text(), Scale(Fraction(1, 4)).text()
    ('1/sqrt(32)', '1/4')
    """

    factor: Fraction = Fraction(1)
    root: int = 1

    def text(self) -> str:
        """As it stands in a statement."""
        if self.root == 1:
            return f"{self.factor.numerator}/{self.factor.denominator}"
        return f"1/sqrt({self.root})"


@dataclass(frozen=True, eq=False)
class Attention(Layer):
    """H heads; W_Q, W_K: H × d × e; W_V: H × d × f; W_O: H × f × d; b_Q, b_K: H × e; b_V: H × f; b_O: d."""

    W_Q: DyadicTensor
    W_K: DyadicTensor
    W_V: DyadicTensor
    W_O: DyadicTensor
    scale: Scale
    mask: str = "causal"
    b_Q: DyadicTensor | None = None
    b_K: DyadicTensor | None = None
    b_V: DyadicTensor | None = None
    b_O: DyadicTensor | None = None
    norm: Norm | None = None

    kind = "attention"
    axes = {  # noqa: RUF012
        "W_Q": "Hde",
        "W_K": "Hde",
        "W_V": "Hdf",
        "W_O": "Hfd",
        "b_Q": "He",
        "b_K": "He",
        "b_V": "Hf",
        "b_O": "d",
    }

    @property
    def heads(self) -> int:
        return self.W_Q.shape[0]

    def settings(self) -> dict[str, int | str]:
        return {"heads": self.heads, "scale": self.scale.text(), "mask": self.mask}

    def after(self, stream: Stream, where: str) -> Stream:
        if self.mask not in MASKS:
            raise LayerError(f"{where}, mask", " or ".join(MASKS), self.mask)
        if self.scale.factor <= 0 or self.scale.root < 1 or (self.scale.root > 1 and self.scale.factor != 1):
            raise LayerError(f"{where}, scale", "1/sqrt(N) or a positive rational", str(self.scale))
        if self.norm is not None:
            self.norm.after(stream, f"{where}, norm")
        self.sizes(where, d=stream.width)
        return stream

    def definition(self, number: int) -> str:
        read, given = self.reading(number)
        has = self.tensors

        def mapped(row: str, name: str) -> str:
            shift = f" + b_{name}^{{({number},h)}}" if f"b_{name}" in has else ""
            return f"({read}_{row} W_{name}^{{({number},h)}}{shift})"

        factor = f"\\tfrac{{1}}{{\\sqrt{{{self.scale.root}}}}}" if self.scale.root > 1 else f"{self.scale.factor}"
        out = f" + b_O^{{({number})}}" if "b_O" in has else ""
        seen, seen_by = ("j \\le p", "those up to itself") if self.mask == "causal" else ("j", "all of them")
        heads = f"In each head $h = 0, \\dots, {self.heads - 1}$" if self.heads > 1 else "In its one head, $h = 0$"
        split = [name for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V") if name in has]
        own = ", ".join(f"${name}^{{({number},h)}}$" for name in split)
        parts = f" (with its slices {own} of the tensors)"
        return (
            f"{given}{heads}{parts}, position $p$ gives every position $j$ that it sees ({seen_by}) a score "
            f"$s^h_{{pj}}$, the "
            f"softmax of its scores weighs them with $a^h_{{pj}}$, and what they hold is added to the stream:\n"
            f"$$s^h_{{pj}} = {factor} \\, {mapped('p', 'Q')} \\cdot {mapped('j', 'K')}, \\qquad "
            f"a^h_{{pj}} = \\frac{{\\exp s^h_{{pj}}}}{{\\sum_{{{seen.replace('j', 'l', 1)}}} \\exp s^h_{{pl}}}},$$\n"
            f"$$x^{{({number})}}_p = x^{{({number - 1})}}_p + \\sum_h \\sum_{{{seen}}} a^h_{{pj}} \\, "
            f"{mapped('j', 'V')} W_O^{{({number},h)}}{out}.$$"
        )

    def term(self, stream: Term, number: int) -> Term:
        read, result = self.read(stream, number), stream
        for head in range(self.heads):
            result = result + self.head_result(read, number, head)
        return plus_rows(result, self.tensor(number, "b_O"))

    def leaving(self, read: Term, number: int) -> Term:
        """What all heads and the bias add to the stream."""
        result = self.head_result(read, number, 0)
        for head in range(1, self.heads):
            result = result + self.head_result(read, number, head)
        return plus_rows(result, self.tensor(number, "b_O"))

    def of_head(self, number: int, name: str, head: int) -> Tensor | None:
        """A head's part of a tensor, as it is named in terms; None where it is absent."""
        tensor = self.tensors.get(name)
        if tensor is None:
            return None
        rows, columns = (1, *tensor.shape[1:]) if len(tensor.shape) == 2 else tensor.shape[1:]
        return named_tensor(number, self.kind, name, (rows, columns), head)

    def projected(self, read: Term, number: int, which: str, head: int) -> Term:
        """The queries (Q), keys (K) or values (V) of a head, from what the layer reads."""
        weight = self.of_head(number, f"W_{which}", head)
        assert weight is not None, "a checked attention layer has its weights"
        return plus_rows(read @ weight, self.of_head(number, f"b_{which}", head))

    def scores(self, read: Term, number: int, head: int) -> Term:
        """Products of queries and keys, before they are scaled and masked."""
        return self.projected(read, number, "Q", head) @ self.projected(read, number, "K", head).T

    def pattern(self, read: Term, number: int, head: int) -> Term:
        """A row of weights for each position."""
        scores = self.scores(read, number, head)
        return MaskedSoftmax(scores, self.scale.factor, self.scale.root, self.mask == "causal")

    def mixed(self, read: Term, number: int, head: int) -> Term:
        """The weighted values of a head."""
        return self.pattern(read, number, head) @ self.projected(read, number, "V", head)

    def head_result(self, read: Term, number: int, head: int) -> Term:
        """What one head adds to the stream."""
        leaving = self.of_head(number, "W_O", head)
        assert leaving is not None, "a checked attention layer has its weights"
        return self.mixed(read, number, head) @ leaving

    def values(self, number: int) -> dict[str, DyadicMatrix]:
        found: dict[str, DyadicMatrix] = {} if self.norm is None else self.norm.values(number)
        for name, tensor in self.tensors.items():
            if name == "b_O":
                found[tensor_name(number, self.kind, name)] = tensor.row_matrix()
                continue
            for head in range(self.heads):
                one = tensor[head]
                matrix = one.matrix() if len(one.shape) == 2 else one.row_matrix()
                found[tensor_name(number, self.kind, name, head)] = matrix
        return found


LAYER = Attention
