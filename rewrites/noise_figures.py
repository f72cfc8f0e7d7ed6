"""What a split of EQKE leaves over, as figures: singular values, and the table before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from ..engine.arithmetic.dyadic import DyadicMatrix
from ..engine.arithmetic.printing import ceil_str
from ..engine.arithmetic.spectral import NotIsolated, singular_values_of_product
from ..engine.claim import Claim
from ..engine.transcript import Block, Figure, Section, paragraph, prose
from ..engine.transcript.figures import HeatMap, Spectrum
from ..models.one_layer import one_layer_of
from ..models.one_layer_terms import OneLayerTerms
from .rules.path_decomposition import Paths, values_of
from .rules.row_split import RowSplit

# Enclosures of singular values are so many bits wide.
BITS = 24


def noise_section(paths: Paths, claims: Sequence[Claim]) -> tuple[Section, ...]:
    """For a proof with a split of EQKE that leaves noise; nothing for others."""
    split = next((c for c in claims if isinstance(c, RowSplit) and c.name == "EQKE" and c.largest), None)
    if split is None:
        return ()
    before, after = paths.tables["EQKE"], paths.tables["EQKE"] - split.approximation
    told = (
        f"Two entries of a row of EQKE differ by at most {_spread(before)}; by at most {_spread(after)} once the table "
        "of low rank that the proof splits off is taken away. Attention only sees differences within a row, so the "
        "figures show both tables less the mean of each row. No step of the proof rests on this section."
    )
    figures = [
        _map(before, "before", "before the split", "The rows of EQKE less their means."),
        _map(
            after,
            "after",
            "after the split",
            "The same without the table of low rank: the noise. The colours are not those of the figure above.",
        ),
    ]
    return (Section("EQKE and its noise", (paragraph(told), *_spectrum(paths), *figures)),)


def _spread(table: DyadicMatrix) -> str:
    return ceil_str(max(max(row) - min(row) for row in table.fractions()), 4)


def _map(table: DyadicMatrix, label: str, title: str, caption: str) -> Block:
    rows = tuple(tuple(entry - mean for entry in row) for row in table.fractions() for mean in [_mean(row)])
    picture = HeatMap(f"EQKE {title}", "query token q", "key token t", rows)
    return Figure(picture, prose(caption), f"Heat map of EQKE {title}, each row less its mean", f"figure-noise-{label}")


def _mean(row: Sequence[Fraction]) -> Fraction:
    return sum(row, Fraction()) * Fraction(1, len(row))


def _spectrum(paths: Paths) -> Iterator[Block]:
    """The singular values of EQKE from below, where they are told apart."""
    layer = one_layer_of(paths.statement)
    terms, values = OneLayerTerms.of(layer), values_of(layer)
    keys = terms.weights["W_E"] @ terms.weights["W_K"]
    try:
        ends = singular_values_of_product([terms.query_side.evaluate(values), keys.T.evaluate(values)], BITS)
    except NotIsolated:
        return
    lows = tuple(low for low, _ in ends if low > 0)
    if lows:
        caption = prose("The singular values of EQKE, the largest first, each from below; the axis is logarithmic.")
        picture = Spectrum("singular values of EQKE", lows)
        yield Figure(picture, caption, "Columns: the singular values of EQKE", "figure-singular-values")
