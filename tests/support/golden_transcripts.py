"""The transcripts that are kept to be read by eye: of each strategy one, from the proof on."""

from __future__ import annotations

from pathlib import Path

from every_transcript import proof_of

from mechproof.engine.transcript import markdown

FOLDER = Path(__file__).parents[1] / "data" / "transcripts"
NAMES = (
    "branch_and_bound",
    "brute_force",
    "cubic",
    "subcubic",
    "low_rank_values",
    "separable",
    "story",
    "vertex",
    "loss branch_and_bound",
    "loss cubic",
    "loss subcubic",
    "bfloat16 branch_and_bound",
    "boxes two heads, relu",
    "boxes layernorm",
    "enumerate loss",
    "induction accuracy",
    "quotient",
)


def kept(name: str) -> str:
    """The Markdown of a transcript from its section on the proof on."""
    text = markdown(proof_of(name).transcript())
    return text[text.index(" The proof\n") :].lstrip()


def path(name: str) -> Path:
    return FOLDER / f"{name.replace(' ', '_').replace(',', '')}.md"
