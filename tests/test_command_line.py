"""The command line as scripts see it: last lines, exit codes, sentences instead of tracebacks."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import numpy as np
import pytest
from shares import shared_out
from two_token_network import adding_network, written

from mechproof.__main__ import main
from mechproof.models import zoo
from mechproof.models.problem import statement_of
from mechproof.rewrites.rules.accuracy import Accuracy

DATA = Path(__file__).parent / "data"
TIED = DATA / "unsound_averaging" / "total_v8_k4.npz"
TIED_VERDICT = "accuracy = 513/4096 sha256:c0409a2063e618fca71b301a6059598b654f27d19b242fa8f80621c5ef32968c"
TIED_LINE = f"s PROVED {TIED_VERDICT} (0.125244)"


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command line in a fresh folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["mechproof", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
            raise SystemExit(0)
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return call


def test_prove_ends_with_the_verdict_and_writes_whole_files(run, tmp_path):
    """The last line is the contract of scripts; certificate and transcripts lie in the default folder."""
    result = run("prove", TIED)

    assert result.code == 0
    assert result.out.splitlines()[-1] == TIED_LINE
    folder = tmp_path / "mechproof-out" / "total_v8_k4-branch_and_bound-c0409a20"
    names = ["certificate.json", "transcript.html", "transcript.md", "transcript.tex"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert TIED_VERDICT in (folder / "transcript.md").read_text()


@pytest.mark.parametrize("strategy", ["branch_and_bound", "separable", "brute_force"])
def test_every_strategy_writes_a_certificate_that_checks(run, strategy):
    """What one command proves, the other verifies: same count, same statement."""
    assert run("prove", TIED, "--strategy", strategy, "--out", "out").code == 0

    result = run("check", "out/certificate.json", "--weights", TIED)

    assert (result.code, result.out.splitlines()[0]) == (0, f"s VERIFIED {TIED_VERDICT}")


def test_the_published_accuracy_of_the_coq_network_is_proved(run):
    """4096 of 4096, for the reals."""
    result = run("prove", DATA / "max_of_2_coq" / "simpler.npz", "--quiet")

    assert result.out.splitlines()[-1].startswith("s PROVED accuracy = 4096/4096 sha256:")


@pytest.mark.parametrize(
    ("share", "arguments", "start"),
    [
        ("513/4096", (), f"s PROVED {TIED_VERDICT}"),
        ("0.1", (), f"s PROVED {TIED_VERDICT}"),
        ("514/4096", (), f"s REFUTED accuracy >= 257/2048 is false: {TIED_VERDICT}"),
        ("9/10", (), f"s REFUTED accuracy >= 9/10 is false: {TIED_VERDICT}"),
        ("1", (), f"s REFUTED accuracy >= 1 is false: {TIED_VERDICT}"),
        ("9/10", ("--strategy", "cubic"), "s UNDECIDED accuracy >= 9/10 is not established: accuracy >= "),
        (
            "0.126",
            ("--strategy", "separable", "--grid", 1),
            "s UNDECIDED accuracy >= 63/500 is not established: accuracy in [513/4096, 520/4096] ",
        ),
    ],
)
def test_at_least_says_what_is_known(run, share, arguments, start):
    """One sequence more than is right makes the difference; what is known to be false is not left open."""
    result = run("prove", TIED, "--at-least", share, *arguments, "--quiet")

    assert result.out.splitlines()[-1].startswith(start)
    assert result.code == (0 if start.startswith("s PROVED") else 1)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("0.1",), "PROVED"), (("514/4096",), "REFUTED"), (("9/10", "--strategy", "cubic"), "UNDECIDED")],
)
def test_the_json_says_what_is_known(run, arguments, status):
    """The same as the last line's, of each of the three."""
    assert json.loads(run("prove", TIED, "--at-least", *arguments, "--json").out)["status"] == status


@pytest.mark.parametrize("share", ["2", "4097/4096", "1.0000001", "1/0", "0.9.", "-1", "half"])
def test_a_share_beyond_all_inputs_is_refused(run, share):
    """No accuracy can be larger than 1: a slip such as 99 for 0.99 must not read as a network that fails."""
    result = run("prove", TIED, "--at-least", share)

    assert result.code == 2 and "--at-least" in result.err


def test_the_decimal_beside_a_fraction_never_overstates():
    """Below 1 it is never 1.000000; the lower end of an interval is cut off and the upper one rounded up."""
    statement = statement_of(TIED)
    assert Accuracy(statement, 4095, 4095).decimals() == "0.999755"
    assert Accuracy(statement, 1, 4096).decimals() == "0.000244"
    assert Accuracy(statement, 1, 4095).decimals() == "[0.000244, 0.999756]"
    assert Accuracy(statement, 4096, 4096).decimals() == "1.000000"


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("--compiled",), "--compiled"),
        (("--semantics", "float32", "--compiled", "--runs", 0), "--compiled"),
        (("--runs", 5), "--runs"),
        (("--exp-ulps", 4), "--exp-ulps"),
        (("--grid", 64), "--grid"),
        (("--cut", 0, "--strategy", "separable"), "--cut"),
        (("--minimise", "cost"), "--minimise"),
    ],
)
def test_an_option_without_effect_is_refused(run, tmp_path, arguments, name):
    """Nobody believes that something was asked for which was not even looked at."""
    result = run("prove", TIED, *arguments)

    assert result.code == 2 and name in result.err and "has an effect only with" in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ci
def test_every_proof_has_a_folder_of_its_own(run, tmp_path):
    """Nothing that a user had is replaced by a proof of something else, by another strategy, or of another file."""
    for name, source in (("a", TIED), ("b", DATA / "unsound_averaging" / "cell_v3_k3.npz")):
        (tmp_path / name).mkdir()
        shutil.copy(source, tmp_path / name / "model.npz")
    calls: list[tuple[object, ...]] = [
        ("a/model.npz",),
        ("b/model.npz",),
        ("a/model.npz", "--strategy", "story"),
        ("a/model.npz", "--strategy", "subcubic/exact/chord/EQKE"),
        ("a/model.npz", "--strategy", "subcubic/exact/chord/EQKE", "--off", "T1,T2"),
        ("a/model.npz", "--metric", "loss"),
        ("a/model.npz", "--semantics", "float32", "--runs", 0),
        ("a/model.npz", "--semantics", "float32", "--runs", 0, "--exp-ulps", 2),
        ("a/model.npz", "--cut", 5),
        ("a/model.npz", "--budget", 1000),
        ("a/model.npz", "--detail", "full"),
        ("a/model.npz", "--strategy", "auto", "--at-least", "1/100"),
        ("a/model.npz", "--strategy", "auto", "--minimise", "length"),
    ]
    folders = []
    for call in calls:
        files = json.loads(run("prove", *call, "--json", "--quiet").out)["files"]
        folders.append(Path(files[0]).parent)
    assert len(set(folders)) == len(folders)
    assert {folder.parent for folder in folders} == {Path("mechproof-out")}
    assert folders[0].name == "model-branch_and_bound-c0409a20"
    assert folders[4].name == "model-subcubic.exact.chord.EQKE-off=T1+T2-c0409a20"
    assert folders[5].name == "model-branch_and_bound-loss-c0409a20"
    again = run("prove", *calls[0], "--at-least", "1/10", "--json", "--quiet")
    assert Path(json.loads(again.out)["files"][0]).parent == folders[0], "the same proof goes to the same place"


def test_json_gives_the_same_result_as_one_object(run):
    """--json for prove and check: counts, hash, line, files."""
    proved = json.loads(run("prove", TIED, "--json", "--out", "out").out)
    verified = json.loads(run("check", "out/certificate.json", "--weights", TIED, "--json").out)

    assert (proved["status"], proved["right_low"], proved["inputs"]) == ("PROVED", 513, 4096)
    assert (verified["status"], verified["right_low"], verified["sha256"]) == ("VERIFIED", 513, proved["sha256"])
    assert all(Path(name).is_file() for name in proved["files"])


def test_the_json_is_what_its_page_says(run, tmp_path):
    """Every key of every kind of result is described, and no other; the page and the object name the same schema."""
    page = (Path(__file__).parents[1] / "docs" / "json.md").read_text("utf-8")
    described = [re.findall(r"`([a-z0-9_]+)`", row) for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)]
    known = {key for keys in described for key in keys}
    found: set[str] = set()
    layers, two_tokens = zoo.stack("max_of_2_layernorm"), written(adding_network(1), tmp_path)
    kinds = (
        (TIED,),
        (TIED, "--metric", "loss"),
        (layers, "--metric", "loss"),
        (layers, "--metric", "margin"),
        (two_tokens, "--task", "group:Z6", "--strategy", "quotient"),
        (two_tokens, "--task", "group:Z6", "--strategy", "quotient", "--metric", "loss"),
        (TIED, "--semantics", "float32", "--runs", 0),
        (TIED, "--cross-check"),
        (TIED, "--at-least", "0.9"),
    )
    for arguments in kinds:
        told = json.loads(run("prove", *arguments, "--json", "--quiet").out)
        assert f"**schema {told['schema']}**" in page
        assert {"schema", "status", "metric", "relation", "sha256", "line", "files", "inputs"} <= set(told)
        found |= set(told)
    assert found == known
    assert told["at_least"] == "9/10"


def test_other_weights_are_refused_by_the_checker(run):
    """A certificate is about one network."""
    run("prove", TIED, "--out", "out")

    result = run("check", "out/certificate.json", "--weights", DATA / "max_of_2_coq" / "simpler.npz")

    assert result.code == 1
    assert result.out.startswith("s REFUSED E2")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"not weights", "expected"),
        (pickle.dumps({"W_E": [1]}), "expected"),
    ],
)
def test_unusable_weights_give_one_sentence_and_no_output(run, tmp_path, content, expected):
    """Exit 2, one line on standard error, nothing written."""
    file = tmp_path / "bad.safetensors"
    file.write_bytes(content)

    result = run("prove", file)

    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1
    assert "bad.safetensors" in result.err and expected in result.err
    assert not (tmp_path / "mechproof-out").exists()


def test_a_nan_names_its_tensor(run, tmp_path):
    """The sentence says which tensor of which file."""
    weights = dict(np.load(TIED))
    weights["W_Q"][0, 1] = np.nan
    np.savez(tmp_path / "nan.npz", **weights)

    result = run("prove", "nan.npz")

    assert result.code == 2
    assert "nan.npz" in result.err and "W_Q" in result.err


def test_a_shape_is_not_printed_as_python(run, tmp_path):
    """A sentence says 32, not (32,)."""
    weights = dict(np.load(TIED))
    np.savez(tmp_path / "flat.npz", allow_pickle=False, **(weights | {"W_E": weights["W_E"][0]}))

    result = run("prove", "flat.npz")

    assert result.code == 2 and result.err.rstrip().endswith("expected 2 axes, found shape 32")


def test_an_output_folder_that_is_a_file_is_refused(run, tmp_path):
    """What the user had stays, and the sentence names it."""
    (tmp_path / "taken").write_text("mine")

    result = run("prove", TIED, "--out", "taken")

    assert result.code == 2
    assert "taken" in result.err and "Traceback" not in result.err
    assert (tmp_path / "taken").read_text() == "mine"


def test_show_tells_a_certificate_without_checking_it(run):
    """Rules in order, the count claimed, and the reminder that nothing was checked."""
    run("prove", TIED, "--out", "out")

    result = run("show", "out/certificate.json")

    assert result.code == 0
    assert "accuracy in [513/4096, 513/4096]" in result.out
    assert "token_order_tree/1" in result.out
    assert result.out.splitlines()[-1].startswith("not checked")


@pytest.mark.parametrize("content", ["{}", "[1]", "nonsense", '{"schema": 1e9}', "[" * 100_000])
def test_show_refuses_what_is_not_a_certificate(run, tmp_path, content):
    """Malformed input ends in exit 2 and one sentence."""
    (tmp_path / "x.json").write_text(content)

    result = run("show", "x.json")

    assert result.code == 2
    assert "x.json: expected a mechproof certificate" in result.err


@pytest.mark.parametrize(
    ("form", "start"), [("text", "[35] Exactly"), ("dot", "digraph"), ("mermaid", "graph TD"), ("json", "{")]
)
def test_graph_prints_the_proof_graph(run, form, start):
    """Every form names the rule that counted."""
    result = run("graph", TIED, "--format", form)

    assert result.code == 0 and result.out.startswith(start) and "token_order_tree/1" in result.out


@pytest.mark.parametrize(
    "words",
    [("graph", "--strategy", "story"), ("search", "row_difference(EVOU)", "--budget", "5", "--all")],
)
def test_terminals_get_no_tex(run, words):
    """Claims are told in plain text: signs of mathematics as such, no dollars and no backslashes."""
    result = run(words[0], TIED, *words[1:])

    assert result.code == 0 and "differ by at most" in result.out and len(result.out.splitlines()) > 3
    assert not set(result.out) & set("$\\{}")


def test_convert_writes_what_the_checker_reads(run, tmp_path):
    """The statement's hash does not depend on the container."""
    run("prove", TIED, "--out", "out")

    assert run("convert", TIED, "copy.safetensors").code == 0
    result = run("check", "out/certificate.json", "--weights", "copy.safetensors")

    assert result.out.splitlines()[0] == f"s VERIFIED {TIED_VERDICT}"


def test_zoo_lists_files_that_exist(run):
    """A newcomer finds the shipped networks."""
    paths = run("zoo").out.splitlines()

    assert len(paths) == len(zoo.names()) + len(zoo.stacks()) and all(Path(path).is_file() for path in paths)


def test_train_then_prove_then_check(run, tmp_path):
    """A network from nothing to a verified theorem, with a checkpoint on the way."""
    pytest.importorskip("torch")
    sizes = ("--k", 2, "--vocab", 5, "--d-model", 4, "--seed", 1, "--steps", 30, "--checkpoint", 10)

    files = run("train", *sizes, "--out", tmp_path).out.splitlines()
    proved = run("prove", files[-1], "--out", "out")
    checked = run("check", "out/certificate.json", "--weights", files[-1])

    assert [Path(file).name for file in files] == [
        "max_of_2_v5_d4_seed1_step10.safetensors",
        "max_of_2_v5_d4_seed1.safetensors",
    ]
    verdict = checked.out.splitlines()[0].replace("s VERIFIED", "s PROVED")
    assert proved.out.splitlines()[-1].startswith(verdict)


def test_a_torch_state_dict_is_proved_like_its_numbers(run, tmp_path):
    """.pt and safetensors of the same numbers give the same statement."""
    torch = pytest.importorskip("torch")
    torch.save({name: torch.from_numpy(array) for name, array in np.load(TIED).items()}, tmp_path / "net.pt")

    assert run("prove", "net.pt").out.splitlines()[-1] == TIED_LINE


@pytest.mark.parametrize(
    "arguments", [("prove",), ("prove", "x", "--strategy", "magic"), ("prove", "x", "--at-least", "1/0"), ("nonsense",)]
)
def test_wrong_usage_exits_with_two(run, arguments):
    """Usage errors are told apart from statements that fail."""
    assert run(*arguments).code == 2


def test_a_claim_is_certified_checked_and_shown(run, tmp_path):
    """The certificate of one verdict goes through the same commands as that of a proof."""
    weights = DATA / "max_of_2_coq" / "simpler.npz"
    claim = '[[claim]]\nid = "size"\nstatement = "max(EVOU) ≈ -1"\n'
    (tmp_path / "c.toml").write_text(f'model = "{weights}"\n{claim}', "utf-8")
    assert run("claims", "c.toml", "--out", "out", "--quiet").code == 1
    certificate = "out/certificates/001-size.json"
    result = run("check", certificate, "--weights", weights)
    assert result.code == 0 and result.out.startswith("s VERIFIED claim fails: max(EVOU) ~= -1 sha256:")
    shown = run("show", certificate).out
    assert "claims     max(EVOU) ~= -1 fails" in shown and "decide/1" in shown
    other = run("check", certificate, "--weights", TIED)
    assert other.code == 1 and "E201" in other.out


@pytest.mark.parametrize("command", ["prove", "check", "show", "train", "convert", "zoo", "transcript", "graph"])
def test_help_fits_a_narrow_terminal(run, monkeypatch, command):
    """Help is there for every command and wraps at 60 columns."""
    monkeypatch.setenv("COLUMNS", "60")
    result = run(command, "--help")

    assert result.code == 0 and "Usage" in result.out
    assert max(map(len, result.out.splitlines())) <= 60


def test_a_missing_file_is_said_to_be_missing(run):
    """Exit 2 and the name as the user gave it."""
    result = run("prove", "nowhere.npz")

    assert result.code == 2 and "nowhere.npz" in result.err


def test_proving_again_replaces_files_whole(run, tmp_path):
    """A second run leaves no temporary file and the same bytes."""
    run("prove", TIED, "--out", "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    run("prove", shutil.copy(TIED, tmp_path / TIED.name), "--out", "out")

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_loss_is_proved_checked_and_shown(run):
    """--metric loss: the verdict's interval, the same from the checker, and the certificate in words."""
    proved = run("prove", TIED, "--metric", "loss", "--out", "out")
    line = proved.out.splitlines()[-1]
    assert proved.code == 0 and line.startswith("s PROVED loss in [17.63")

    checked = run("check", "out/certificate.json", "--weights", TIED)
    assert (checked.code, checked.out.splitlines()[0]) == (0, line.replace("PROVED", "VERIFIED"))
    shown = run("show", "out/certificate.json").out
    assert "loss_tree/1  from 1: loss_sum" in shown and "/2^128" in shown


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("--at-least", "0.5"), "is about accuracy"), (("--strategy", "guess"), "no strategy 'guess'")],
)
def test_what_does_not_go_with_a_loss(run, arguments, expected):
    """A share to reach, and strategies that there are not, are usage errors."""
    result = run("prove", TIED, "--metric", "loss", *arguments)
    assert result.code == 2 and expected in result.err


SLOW = [("--strategy", "cubic"), ("--metric", "loss"), ("--semantics", "float32")]


@pytest.mark.parametrize("words", shared_out(SLOW, kept=SLOW[:1]))
def test_a_budget_is_kept_where_no_search_looks(run, tmp_path, words):
    """Tables and rules end with the budget too: V = 700 would take minutes.  (Generous, for busy machines.)"""
    rng = np.random.default_rng(0)
    shapes = {"W_E": (700, 16), "W_pos": (6, 16), "W_U": (16, 700)} | {f"W_{x}": (16, 16) for x in "QKVO"}
    np.savez(
        tmp_path / "large.npz",
        allow_pickle=False,
        **{name: rng.normal(size=s).astype(np.float32) for name, s in shapes.items()},
    )

    start = monotonic()
    result = run("prove", tmp_path / "large.npz", "--budget", "1", "--quiet", "--out", tmp_path, *words)

    assert monotonic() - start < 10
    assert result.code == 1
    assert result.out.startswith("s UNDECIDED ") and "the budget of 1 s ended" in result.out


def test_a_limit_of_memory_is_a_sentence(run, tmp_path):
    """How much it needs, the limit, and what to use instead; nothing is begun."""
    zeros = {name: np.zeros((8, 8), np.float32) for name in ("W_Q", "W_K", "W_V", "W_O")}
    sizes = {"W_E": (3000, 8), "W_pos": (40, 8), "W_U": (8, 3000)}
    np.savez(
        tmp_path / "large.npz",
        allow_pickle=False,
        **zeros,
        **{name: np.zeros(s, np.float32) for name, s in sizes.items()},
    )

    result = run("prove", tmp_path / "large.npz", "--memory", "2", "--out", tmp_path)

    assert result.code == 2 and result.out == ""
    assert "needs at least 14.5 GiB of memory, and the limit is 2.0 GiB" in result.err
    assert "--strategy subcubic" in result.err
