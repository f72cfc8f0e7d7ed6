"""Proofs about any network, from a file to the checker's verdict, by the command line and from Python."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npz import random_arrays, write_npz

import mechproof
from mechproof.__main__ import main
from mechproof.engine.errors import MechproofError
from mechproof.engine.transcript import html, latex, markdown

SHAPES: dict[str, tuple[int, ...]] = {
    "embed.W_E": (5, 6), "pos_embed.W_pos": (3, 6), "blocks.0.ln1.w": (6,), "blocks.0.ln1.b": (6,),
    "blocks.0.attn.W_Q": (2, 6, 3), "blocks.0.attn.W_K": (2, 6, 3), "blocks.0.attn.W_V": (2, 6, 3),
    "blocks.0.attn.W_O": (2, 3, 6), "blocks.0.attn.b_K": (2, 3), "blocks.0.ln2.w": (6,), "blocks.0.ln2.b": (6,),
    "blocks.0.mlp.W_in": (6, 7), "blocks.0.mlp.b_in": (7,), "blocks.0.mlp.W_out": (7, 6), "ln_final.w": (6,),
    "ln_final.b": (6,), "unembed.W_U": (6, 5), "unembed.b_U": (5,),
}  # fmt: skip
DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path]:
    """A transformer with everything, and its configuration."""
    weights = write_npz(tmp_path / "net.npz", random_arrays(SHAPES, seed=3))
    config = tmp_path / "cfg.json"
    config.write_text(json.dumps({"act_fn": "gelu", "normalization_type": "LN", "eps": 1e-5}), "utf-8")
    return weights, config


def test_prover_and_checker_agree(files):
    """Two programs that share no code find the same statement and the same count."""
    weights, config = files
    proof = mechproof.prove(weights, config=config)
    assert proof.theorem.low == proof.theorem.high and proof.theorem.inputs == 125
    proof.write(weights.parent / "out")
    verdict = mechproof.check(weights.parent / "out" / "certificate.json", weights, config=config)
    assert verdict.line == proof.verdict.replace("PROVED", "VERIFIED")
    assert verdict.exit_code == 0


def test_a_certificate_of_another_count_is_refused(files):
    """One input more than there is, and the checker's own enumeration says so."""
    weights, config = files
    proof = mechproof.prove(weights, config=config)
    right, forged = (f'"0x{count:x}"'.encode() for count in (proof.theorem.low, proof.theorem.low + 1))
    path = weights.parent / "forged.json"
    path.write_bytes(proof.certificate.replace(right, forged))
    assert mechproof.check(path, weights, config=config).line.startswith("s REFUSED E2")
    path.write_bytes(proof.certificate)
    assert mechproof.check(path, weights, task="kth-max:2", config=config).line.startswith("s REFUSED E201")


@pytest.mark.parametrize("metric", ["loss", "margin"])
def test_losses_and_margins_are_checked_again(files, metric, capsys):
    """The checker verifies what the certificate says, which `prove` prints: the theorem, or next to it; narrower bounds
    that the true number is not between are refused."""
    weights, config = files
    out = weights.parent / "out"
    code, told, _ = command(
        capsys, "prove", weights, "--config", config, "--metric", metric, "--out", out, "--quiet", "--json"
    )
    told = json.loads(told)
    certified = told.get("certified", told["relation"])
    verdict = mechproof.check(out / "certificate.json", weights, config=config)
    assert code == 0 and verdict.line.startswith(f"s VERIFIED {certified} sha256:{told['sha256']}")
    assert verdict.line in (out / "transcript.md").read_text("utf-8")
    proof = mechproof.prove(weights, config=config, metric=metric)
    theorem: Any = proof.theorem
    (low, high), said = theorem.bounds, theorem.certified().bounds
    assert said[0] < low <= high < said[1] and high - low <= 3 * (said[1] - said[0])
    text = proof.certificate
    ends = [f'"{hex(int(end * 2**128))}"'.encode() for end in said]
    far = [f'"{hex(int(end * 2**128))}"'.encode() for end in (2 * high - low + 1, 2 * low - high)]
    for i, other in enumerate(far):
        (out / "forged.json").write_bytes(text.replace(ends[i], other))
        assert mechproof.check(out / "forged.json", weights, config=config).exit_code == 1


def test_a_margin_of_max_of_k_is_enumerated(capsys, tmp_path):
    """The least margin of a network that branch and bound takes otherwise; the certificate is displayed."""
    weights = DATA / "unsound_averaging" / "cell_v3_k3.npz"
    code, out, _ = command(capsys, "prove", weights, "--metric", "margin", "--out", tmp_path, "--quiet")
    assert code == 0 and out.splitlines()[-1].startswith("s PROVED margin in [")
    assert mechproof.check(tmp_path / "certificate.json", weights).relation == out.split("PROVED ")[1].split(" sha")[0]
    code, out, _ = command(capsys, "show", tmp_path / "certificate.json")
    assert code == 0 and "margin in [" in out
    code, _, err = command(capsys, "prove", weights, "--metric", "margin", "--strategy", "cubic", "--quiet")
    assert code == 2 and "there is no metric 'margin'" in " ".join(err.split())


@pytest.mark.parametrize("network", ["total_v8_k4", "cell_v3_k3"])
def test_enumeration_counts_what_the_tree_counts(network):
    """The same network by its layers and by its path tables."""
    weights = DATA / "unsound_averaging" / f"{network}.npz"
    by_tree, by_layers = mechproof.prove(weights), mechproof.prove(weights, strategy="enumerate")
    assert (by_tree.theorem.low, by_tree.theorem.high) == (by_layers.theorem.low, by_layers.theorem.high)
    low, high = (float(end) for end in mechproof.prove(weights, strategy="enumerate", metric="loss").theorem.bounds)
    tree = mechproof.prove(weights, metric="loss").theorem.bounds
    assert float(tree[0]) <= high and low <= float(tree[1])


def command(capsys, *arguments: object) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as ended:
        patched.setattr("sys.argv", ["mechproof", *map(str, arguments)])
        main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def test_wrong_inputs_are_listed(files, capsys, monkeypatch):
    """As many rows as the count says, each of an input that is wrong, and no other."""
    weights, config = files
    monkeypatch.chdir(weights.parent)
    listed = weights.parent / "wrong.csv"
    code, out, _ = command(capsys, "prove", weights, "--config", config, "--wrong", listed, "--quiet", "--json")
    told = json.loads(out)
    with listed.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert code == 0 and str(listed) in told["files"]
    assert len(rows) == told["inputs"] - told["right_low"] > 0
    assert all(row["verdict"] == "wrong" and row["read positions"] == "2" for row in rows)
    inputs = np.array([[int(row[f"t{p}"]) for p in range(3)] for row in rows])
    write_npz(weights.parent / "listed.npz", {"inputs": inputs})
    task = weights.parent / "wrong.toml"
    task.write_text('list = "listed.npz"\nanswer = "max(t)"\n', "utf-8")
    assert mechproof.prove(weights, task=str(task), config=config).theorem.high == 0


def test_transcripts_of_every_format(files):
    """Written without an error, with the definition of every layer, the least margin and the wrong inputs."""
    weights, config = files
    proof = mechproof.prove(weights, config=config)
    document = proof.transcript("full")
    text = markdown(document)
    for words in (
        "Layer 0: embed",
        "Layer 3: unembed",
        "least margin",
        "a tie is wrong",
        "--task TASK",
        "are wrong",
    ):
        assert words in text
    assert text.count("| $(") == proof.theorem.inputs - proof.theorem.low
    assert "<math" in html(document) and "\\begin{document}" in latex(document)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "cubic"), "expected one layer of attention and nothing else"),
        (("--strategy", "quartic"), "there is no strategy 'quartic'"),
        (("--off", "T1"), "T1"),
        (("--semantics", "float32"), "proves nothing about float runs"),
        (("--cut", "3"), "--cut"),
        (("--task", "modular-addition:9"), "tokens below 5"),
        (("--task", "expression: t[0] + 3"), "the network has 5 outputs, counted from 0"),
        (("--task", "expression: t[0] //"), "an expression"),
        (("--task", "gone.toml"), "gone.toml"),
    ],
)
def test_what_does_not_fit_is_one_sentence(files, capsys, monkeypatch, arguments, words):
    """Exit 2, no traceback, no file."""
    weights, config = files
    monkeypatch.chdir(weights.parent)
    code, _, err = command(capsys, "prove", weights, "--config", config, "--quiet", *arguments)
    assert code == 2 and "Traceback" not in err and not (weights.parent / "mechproof-out").exists()
    assert words in " ".join(err.split())


def test_too_many_inputs_are_not_begun(tmp_path):
    """The sentence says how many there are, and what to do."""
    shapes = {"embed.W_E": (30, 2), "pos_embed.W_pos": (9, 2), "unembed.W_U": (2, 30)}
    weights = write_npz(tmp_path / "large.npz", random_arrays(shapes))
    with pytest.raises(MechproofError, match=str(30**9)):
        mechproof.prove(weights)
