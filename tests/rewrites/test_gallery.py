"""The committed examples are what the code writes today: reviewed by eye, compared byte by byte."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shares import shared_out

import mechproof

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from write_gallery import EXAMPLES, GALLERY, index  # noqa: E402


@pytest.mark.parametrize("example", ["max_of_2", "max_of_2_layernorm", "max_of_4_subcubic", "add_mod_13_bilinear"])
def test_the_gallery_is_fresh(example, tmp_path):
    """Protects readers from a stale example, and the transcript from changes that nobody looked at (`make gallery`)."""
    weights, task, strategy, _ = EXAMPLES[example]
    mechproof.prove(weights, task=task, strategy=strategy).write(tmp_path)

    for name in ("certificate.json", "transcript.md", "transcript.tex"):
        assert (tmp_path / name).read_bytes() == (GALLERY / example / name).read_bytes()


# The largest are one of a kind with others: their rules are the checker's for the smaller ones.
LARGE = ("max_of_3_gelu", "max_of_3_two_heads")


@pytest.mark.parametrize("folder", shared_out(EXAMPLES, kept=[name for name in EXAMPLES if name not in LARGE]))
def test_every_certificate_of_the_gallery_is_verified(folder):
    """Whatever machine found the advice: the checker accepts it, and the transcript opens with the verdict."""
    weights, task, *_ = EXAMPLES[folder]
    verdict = mechproof.check(GALLERY / folder / "certificate.json", weights, task=task)

    assert verdict.status == "VERIFIED"
    proved = verdict.line.replace("s VERIFIED", "s PROVED")
    assert proved in (GALLERY / folder / "transcript.md").read_text("utf-8")


def test_the_gallery_has_no_other_folder():
    """A new example is added to the script, or it would go stale unseen."""
    assert {path.name for path in GALLERY.iterdir() if path.is_dir()} == set(EXAMPLES)


@pytest.mark.parametrize("name", index())
def test_the_index_lists_what_there_is(name):
    """Every example with the verdict that its transcript opens with."""
    assert (GALLERY / name).read_text("utf-8") == index()[name]
