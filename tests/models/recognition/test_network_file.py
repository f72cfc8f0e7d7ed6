"""Network files: every layout of one network is one network, and what the file says wrongly is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from npz import random_arrays, write_npz
from shared_data import shared

from mechproof.engine.errors import MechproofError
from mechproof.models.recognition.network_file import load_network
from mechproof.models.statement import Statement
from mechproof.models.tasks import task_of

SHAPES = {"E": (5, 4), "P": (3, 4), "Q": (2, 4, 3), "K": (2, 4, 3), "V": (2, 4, 3), "O": (2, 3, 4), "U": (4, 5)}
PLAIN = """
weights = "w.npz"
[[layer]]
kind = "embed"
E = "E"
P = "P"
[[layer]]
kind = "attention"
scale = "1/sqrt(3)"
W_Q = "Q"
W_K = "K"
W_V = "V"
W_O = "O"
[[layer]]
kind = "unembed"
W_U = "U"
"""


def written(folder: Path, text: str, arrays: dict[str, np.ndarray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_npz(folder / "w.npz", arrays)
    (folder / "net.toml").write_text(text, "utf-8")
    return folder / "net.toml"


def sha256(path: Path) -> str:
    network = load_network(path)
    return Statement(network, task_of("max-of-k", network)).sha256


def test_another_layout_is_the_same_statement(tmp_path):
    """Transposed, merged and padded tensors with patterns that undo it."""
    arrays = random_arrays(SHAPES)
    plain = sha256(written(tmp_path / "a", PLAIN, arrays))
    moved = arrays | {
        "E": arrays["E"].T,
        "Q": arrays["Q"].swapaxes(1, 2),
        "O": arrays["O"].reshape(6, 4).T,
        "U": np.concatenate([arrays["U"], np.ones((4, 2), np.float32)], axis=1),
    }
    text = PLAIN.replace('E = "E"', 'E = { tensor = "E", pattern = "d v -> v d" }')
    text = text.replace('W_Q = "Q"', 'W_Q = { tensor = "Q", pattern = "h e d -> h d e" }')
    text = text.replace('W_O = "O"', 'W_O = { tensor = "O", pattern = "d (h e) -> h e d", sizes = { h = 2 } }')
    text = text.replace('W_U = "U"', 'W_U = { tensor = "U", columns = [0, 5] }')
    assert sha256(written(tmp_path / "b", text, moved)) == plain
    wrong = text.replace("sizes = { h = 2 }", "sizes = { h = 3 }")
    with pytest.raises(MechproofError, match=r"layer 1 .attention., tensor W_O"):
        sha256(written(tmp_path / "c", wrong, moved))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('W_U = "U"', 'W_U = "W_U"', "tensor W_U (layer 2 (unembed), W_U): expected it, found only E, K, O"),
        ('W_U = "U"', 'W_U = "U"\nhead = 3', "layer 2 (unembed), key head"),
        ('W_U = "U"', "", "W_U of layer 2 (unembed)"),
        ('kind = "unembed"', 'kind = "lstm"', "layer 2: expected a kind of attention, concat"),
        ('scale = "1/sqrt(3)"', 'scale = "0.5"', "layer 1 (attention), scale"),
        ('scale = "1/sqrt(3)"', "", "layer 1 (attention), scale: expected a value, found nothing"),
        ('W_Q = "Q"', 'W_Q = { tensor = "Q", pattern = "d e -> e d" }', "to fit shape 2 × 4 × 3, found Wrong shape"),
        ('W_Q = "Q"', 'W_Q = { tensor = "Q", pattern = "h d e -> h d" }', "2 × 4 × 3, found Identifiers only on one"),
        ('W_Q = "Q"', 'W_Q = { tensor = "Q", pattern = "import os" }', "axes by name"),
        ('W_Q = "Q"', 'W_Q = { tensor = "Q", columns = [2, 9] }', "0 <= a < b <= 3, found [2, 9]"),
        ('W_Q = "Q"', 'W_Q = { tensor = "Q", sizes = { h = 2 } }', "a pattern that they belong to"),
        ('W_Q = "Q"', "W_Q = 5", "a stored tensor's name"),
        ('P = "P"', 'tables = ["E"]', "E or tables"),
        ('weights = "w.npz"', "weights = 3", "weights: expected the path of a file"),
        ('weights = "w.npz"', 'weights = "gone.npz"', "gone.npz"),
        ('weights = "w.npz"', 'weights = "w.npz"\nauthor = "me"', "key author"),
        ("[[layer]]", "[[layer]", "expected TOML"),
        (PLAIN[PLAIN.index("[[layer]]") :], "layer = []", "begin with embed and end with unembed, found no layer"),
        ('kind = "embed"\nE = "E"\nP = "P"', 'kind = "sum"', "begin with embed and end with unembed, found sum"),
    ],
)
def test_what_a_file_says_wrongly_is_named(tmp_path, old, new, words):
    """One sentence: the file, the layer and its kind, what was expected and found."""
    text = PLAIN.replace(old, new)
    assert text != PLAIN
    with pytest.raises(MechproofError) as caught:
        load_network(written(tmp_path, text, random_arrays(SHAPES)))
    assert words in str(caught.value)


@pytest.mark.parametrize("axis", ["tensor", "pattern", "in", "_h", "reduction"])
def test_axes_may_have_any_name(tmp_path, axis):
    """Names of einops' own arguments and words of Python are names like others."""
    arrays = random_arrays(SHAPES)
    plain = sha256(written(tmp_path / "a", PLAIN, arrays))
    moved = arrays | {"O": arrays["O"].reshape(6, 4).T}
    pattern = f'{{ tensor = "O", pattern = "d ({axis} e) -> {axis} e d", sizes = {{ {axis} = 2 }} }}'
    assert sha256(written(tmp_path / "b", PLAIN.replace('W_O = "O"', f"W_O = {pattern}"), moved)) == plain


def test_unused_tensors_are_told(tmp_path):
    """A tensor that no layer names may have meant something: the reader of the theorem learns of it."""
    network = load_network(written(tmp_path, PLAIN, random_arrays(SHAPES | {"spare": (2, 2)})))
    assert any("spare" in sentence for sentence in network.assumed)


@pytest.mark.parametrize(
    ("example", "weights", "task", "inputs"),
    [
        ("modular_addition", "modular_addition/wd_10-1_mod_addition_loss_curve.npz", "modular-addition:113", 113**2),
        ("induction", "induction_n6/params_s1.npz", "induction", 2096640),
        ("group_transformer", "groups/S5_T_seed1.npz", "expression: 0", 121**3),
    ],
)
def test_the_examples_of_the_manual_fit_the_published_networks(tmp_path, example, weights, task, inputs):
    """Each network file in docs/examples describes the real weights that it names."""
    text = (Path(__file__).parents[3] / f"docs/examples/networks/{example}.toml").read_text("utf-8")
    name = Path(weights).name
    assert f'weights = "{name}"' in text
    (tmp_path / name).symlink_to(shared(weights))
    (tmp_path / "net.toml").write_text(text, "utf-8")
    network = load_network(tmp_path / "net.toml")
    assert task_of(task, network).size == inputs
