"""Several architectures side by side: which one is recognised, and whose error is shown."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

import mechproof.models.architectures as package
from mechproof.models.architectures.errors import AmbiguousArchitecture, ArchitectureError
from mechproof.models.weights import Checkpoint, StoredTensor

CHECKPOINT = Checkpoint("net.npz", {"x": StoredTensor("x", "float32", (1,), 0, (1,))})


@dataclass(unsafe_hash=True)
class NotMine(ArchitectureError):
    who: str
    sentence = "{file}: not for {who}"


class Family:
    """A family that knows some number of tensors and fits or not."""

    def __init__(self, name: str, known: int, fits: bool) -> None:
        self.name, self.known, self.fits = name, known, fits

    def resemblance(self, checkpoint: Checkpoint) -> int:
        return self.known

    def recognise(self, checkpoint: Checkpoint) -> Family:
        if not self.fits:
            raise NotMine(checkpoint.source, self.name)
        return self

    def describe(self) -> dict:
        return {"family": self.name}

    def assumptions(self) -> list[str]:
        return []


@pytest.fixture
def families(monkeypatch):
    def install(*members: Family) -> None:
        monkeypatch.setattr(package, "architectures", lambda: {member.name: member for member in members})

    return install


def test_the_one_that_fits(families):
    """Refusals of other families do not matter."""
    families(Family("a", 3, False), Family("b", 1, True), Family("c", 3, False))
    assert package.recognise(CHECKPOINT).describe() == {"family": "b"}


def test_the_error_of_the_nearest(families):
    """When none fits, the family that knows most of the tensors explains why."""
    families(Family("a", 1, False), Family("b", 3, False), Family("c", 2, False))
    with pytest.raises(NotMine) as caught:
        package.recognise(CHECKPOINT)
    assert caught.value.who == "b"


def test_two_that_fit(families):
    """Tensors that two families read as different functions are refused."""
    families(Family("a", 1, True), Family("b", 1, True))
    with pytest.raises(AmbiguousArchitecture) as caught:
        package.recognise(CHECKPOINT)
    assert caught.value.found == ("a", "b")


def test_other_errors_are_not_swallowed(families):
    """A fault in a family's code is not taken for a refusal."""

    class Faulty(Family):
        def recognise(self, checkpoint: Checkpoint) -> Family:
            raise ZeroDivisionError

    families(Faulty("a", 1, False), Family("b", 1, True))
    with pytest.raises(ZeroDivisionError):
        package.recognise(CHECKPOINT)


def test_a_new_file_is_a_new_architecture(tmp_path, monkeypatch):
    """A module with an ARCHITECTURE in the folder is found without editing another file; helpers are not."""
    (tmp_path / "zz_new_family.py").write_text("ARCHITECTURE = 'new'\n")
    (tmp_path / "zz_helper.py").write_text("")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        found = package.architectures()
    finally:
        for name in ("zz_new_family", "zz_helper"):
            sys.modules.pop(f"{package.__name__}.{name}", None)
    assert list(found) == ["one_layer_attention", "zz_new_family"]
