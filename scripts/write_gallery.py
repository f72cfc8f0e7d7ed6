"""The committed examples: one proof of each kind of network that the project ships weights of, and their index.

python scripts/write_gallery.py
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import mechproof
from mechproof.models import zoo

GALLERY = Path(__file__).parent.parent / "proofs_out" / "gallery"
MAX_OF_4 = zoo.path("max_of_4_v64_d32_seed50")
# Folder -> weights, task, strategy, and what the example shows.
EXAMPLES: dict[str, tuple[Path, str, str | None, str]] = {
    "max_of_2": (zoo.path("max_of_2_v64_d32_seed123"), "max-of-k", None, "one head, two positions: an exact count"),
    "max_of_4": (MAX_OF_4, "max-of-k", None, "one head, four positions: an exact count by branching over tokens"),
    "max_of_4_subcubic": (MAX_OF_4, "max-of-k", "subcubic", "the same network, below V^3 steps: a lower bound"),
    "max_of_4_story": (MAX_OF_4, "max-of-k", "story", "the same network, from its mechanistic story alone"),
    "max_of_2_layernorm": (zoo.stack("max_of_2_layernorm"), "max-of-k", None, "LayerNorms: every input decided"),
    "max_of_2_layernorm_boxes": (
        zoo.stack("max_of_2_layernorm"), "max-of-k", "branch_and_bound", "the same network, by sets of inputs"
    ),
    "max_of_3_two_heads": (zoo.stack("max_of_3_two_heads"), "max-of-k", None, "two heads: every input decided"),
    "max_of_3_gelu": (zoo.stack("max_of_3_gelu"), "max-of-k", None, "a GELU MLP behind attention"),
    "add_mod_13_bilinear": (zoo.stack("add_mod_13_bilinear"), "modular-addition:13", None, "a gated MLP, addition mod "
    "13"),
}  # fmt: skip
OTHERS = (
    "Networks on groups and induction heads have proofs as well (docs/groups.md, docs/results.md); the project ships "
    "no "
    "weights of them, so they are not shown here."
)
TITLE = "Gallery: one proof of each kind of network"


def verdict(folder: str) -> str:
    """The line that opens the transcript."""
    return (GALLERY / folder / "transcript.md").read_text("utf-8").splitlines()[2].strip("`")


def index() -> dict[str, str]:
    """The two forms of the page, by file name."""
    rows = [(folder, example[3], verdict(folder).partition(" sha256")[0]) for folder, example in EXAMPLES.items()]
    lines = [f"# {TITLE}", "", "| proof | what it shows | verdict |", "| :-- | :-- | :-- |"]
    lines += [f"| [{folder}]({folder}/transcript.md) | {shows} | `{said}` |" for folder, shows, said in rows]
    cells = "\n".join(
        f'<tr><td><a href="{folder}/transcript.html">{folder}</a></td><td>{escape(shows)}</td>'
        f"<td><code>{escape(said)}</code></td></tr>"
        for folder, shows, said in rows
    )
    style = (
        ":root { color-scheme: light dark } body { font: 1rem/1.5 Georgia, serif; max-width: 60rem; margin: 0 auto; "
        "padding: 1rem } .scroll { overflow-x: auto } table { border-collapse: collapse } "
        "th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #8888; vertical-align: top }"
    )
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{TITLE}</title>\n'
        f"<style>{style}</style>\n</head>\n<body>\n<main>\n<h1>{TITLE}</h1>\n"
        f'<div class="scroll" tabindex="0" role="group" aria-label="table"><table>\n<thead><tr><th>proof</th>'
        f"<th>what it shows</th><th>verdict</th></tr></thead>\n<tbody>\n{cells}\n</tbody>\n</table></div>\n"
        f"<p>{OTHERS}</p>\n</main>\n</body>\n</html>\n"
    )
    return {"README.md": "\n".join([*lines, "", OTHERS, ""]), "index.html": page}


def main() -> None:
    for folder, (weights, task, strategy, _) in EXAMPLES.items():
        mechproof.prove(weights, task=task, strategy=strategy).write(GALLERY / folder)
    for name, text in index().items():
        (GALLERY / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
