"""The committed example is what the code writes today: reviewed by eye, compared byte by byte."""

from pathlib import Path

import pytest

import mechproof
from mechproof.models import zoo

GALLERY = Path(__file__).parents[2] / "proofs_out" / "gallery"
NETWORKS = {
    "max_of_2": zoo.path("max_of_2_v64_d32_seed123"),
    "max_of_4": zoo.path("max_of_4_v64_d32_seed50"),
    "max_of_4_story": zoo.path("max_of_4_v64_d32_seed50"),
    "max_of_2_layernorm": zoo.stack("max_of_2_layernorm"),
}


@pytest.mark.parametrize("example", ["max_of_2", "max_of_2_layernorm"])
def test_the_gallery_is_fresh(example, tmp_path):
    """Protects readers from a stale example, and the transcript from changes that nobody looked at (`make gallery`)."""
    mechproof.prove(NETWORKS[example]).write(tmp_path)

    for name in ("certificate.json", "transcript.md", "transcript.tex"):
        assert (tmp_path / name).read_bytes() == (GALLERY / example / name).read_bytes()


@pytest.mark.parametrize("folder", NETWORKS)
def test_every_certificate_of_the_gallery_is_verified(folder):
    """Whatever machine found the advice: the checker accepts it, and the transcript opens with the verdict."""
    verdict = mechproof.check(GALLERY / folder / "certificate.json", NETWORKS[folder])

    assert verdict.status == "VERIFIED"
    proved = verdict.line.replace("s VERIFIED", "s PROVED")
    assert proved in (GALLERY / folder / "transcript.md").read_text("utf-8")


def test_the_gallery_has_no_other_folder():
    """A new example is added here, or it would go stale unseen."""
    assert {path.name for path in GALLERY.iterdir() if path.is_dir()} == set(NETWORKS)
