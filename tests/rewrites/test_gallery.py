"""The committed example is what the code writes today: reviewed by eye, compared byte by byte."""

from pathlib import Path

import pytest

import mechproof
from mechproof.models import zoo

GALLERY = Path(__file__).parents[2] / "proofs_out" / "gallery" / "max_of_2"


@pytest.mark.parametrize("name", ["certificate.json", "transcript.md", "transcript.tex"])
def test_the_gallery_is_fresh(name, tmp_path_factory):
    """Protects readers from a stale example, and the transcript from changes that nobody looked at (`make gallery`)."""
    folder = tmp_path_factory.mktemp("gallery")
    mechproof.prove(zoo.path("max_of_2_v64_d32_seed123")).write(folder)

    assert (folder / name).read_bytes() == (GALLERY / name).read_bytes()
