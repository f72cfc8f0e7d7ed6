"""The proof-length/tightness figure (matplotlib, loaded when a figure is drawn)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from ..engine.files import atomic_write
from .curve import Curve
from .selection import GROUPS, group

# Colours that most colour-blind readers tell apart, one a group, with a marker each.
STYLES = dict(
    zip(
        GROUPS,
        zip(
            ("#000000", "#0072B2", "#009E73", "#56B4E9", "#E69F00", "#D55E00", "#CC79A7", "#999999", "#7A3E9D"),
            ["s", "D", "o", "o", "^", "^", "v", "v", "*"],
            strict=True,
        ),
        strict=True,
    )
)


def draw(curve: Curve, name: str, stem: Path) -> list[Path]:
    """Write ``stem``.svg and ``stem``.png: every proof by its operations and its bound, the best ones joined.

    The line through the proofs that no other beats has steps, as there is no proof between two of them.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "mechproof", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        for kind, (colour, marker) in STYLES.items():
            points = [(r.operations, float(curve.normalised(r))) for r in curve.rows if group(r.strategy) == kind]
            if points:
                axes.scatter(*zip(*points, strict=True), c=colour, marker=marker, s=26, label=kind, alpha=0.85)
        front = [(row.operations, float(curve.normalised(row))) for row in curve.front]
        x, y = zip(*front, strict=True)
        axes.step(x, y, where="post", color="#444444", linewidth=0.8, zorder=0)
        axes.scatter(
            x,
            y,
            s=110,
            facecolors="none",
            edgecolors="#444444",
            linewidths=0.9,
            label="no proof is shorter and tighter",
        )
        axes.set_xscale("log")
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("operations of the verifier")
        share = "exact accuracy" if curve.exact else "least proved upper bound of the accuracy"
        axes.set_ylabel(f"proved lower bound / {share}")
        axes.set_title(f"{name}: {len(curve.rows)} proofs")
        axes.grid(alpha=0.25)
        figure.legend(loc="outside right upper", fontsize="small")
        written = []
        for form in ("svg", "png"):
            content = BytesIO()
            metadata = {"Date": None} if form == "svg" else {}
            figure.savefig(content, format=form, dpi=150, metadata=metadata)
            written.append(stem.with_name(f"{stem.name}.{form}"))
            atomic_write(written[-1], content.getvalue())
    return written
