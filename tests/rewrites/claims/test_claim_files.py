"""Claim files: what is read, what is refused with a sentence, and what the command prints and writes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mechproof.__main__ import main
from mechproof.engine.errors import MechproofError, describe
from mechproof.rewrites.claims.run import read, run

CELL = Path(__file__).parents[2] / "data" / "unsound_averaging" / "cell_v3_k3.npz"
HEAD = f'model = "{CELL}"\n'
CLAIM = '[[claim]]\nid = "a"\nstatement = "accuracy = 16/27"\n'


def written(folder: Path, text: str, name: str = "claims.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs mechproof claims in a fresh folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mechproof", "claims", "--quiet", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def test_one_line_a_claim_and_exit_codes(command, tmp_path):
    """0 if all are proved, 1 if not, 2 for malformed input; transcript and certificate are written."""
    path = written(tmp_path, HEAD + CLAIM)
    assert command(path) == (0, "PROVED  a  accuracy = 16/27\n", "")
    assert {"claims.md", "claims.html", "claims.tex", "accuracy-1", "certificates"} == {
        p.name for p in (tmp_path / "mechproof-out" / "claims").iterdir()
    }
    code, out, _ = command(written(tmp_path, HEAD + CLAIM.replace("16/", "17/")), "--out", tmp_path / "other")
    assert (code, out) == (1, "REFUTED  a  accuracy = 16/27\n")
    assert (tmp_path / "other" / "accuracy-1" / "certificate.json").is_file()
    code, out, err = command(written(tmp_path, HEAD + CLAIM.replace("accuracy", "acuracy")))
    assert (code, out) == (2, "")
    assert "claims.toml: claim a: column 1: there is no 'acuracy' here; the nearest known name is 'accuracy'" in err


def test_a_terminal_gets_a_table(command, tmp_path, monkeypatch):
    """The same three columns, drawn."""
    path = written(tmp_path, HEAD + CLAIM)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    code, out, _ = command(path)
    assert code == 0 and "what the weights give" in out and "accuracy = 16/27" in out and "PROVED  a" not in out


def test_the_same_as_json(command, tmp_path):
    """Exact fractions in text, and what the author wrote."""
    path = written(tmp_path, HEAD + CLAIM + 'text = "more than half"\nwhere = "Table 1"\nexpect = "PROVED"\n')
    code, out, _ = command(path, "--json")
    found = json.loads(out)
    assert code == 0 and found["status"] == "PROVED"
    (claim,) = found["claims"]
    assert claim["numbers"] == [{"of": "accuracy", "low": "16/27", "high": "16/27", "shown": "accuracy = 16/27"}]
    assert (claim["text"], claim["where"], claim["expect"]) == ("more than half", "Table 1", "PROVED")


def test_the_certificate_is_checked_like_any_other(command, tmp_path):
    """The independent checker verifies it against the same weights."""
    import mechproof

    command(written(tmp_path, HEAD + CLAIM), "--out", tmp_path / "out")
    verdict = mechproof.check(tmp_path / "out" / "accuracy-1" / "certificate.json", CELL)
    assert verdict.line.startswith("s VERIFIED accuracy = 16/27")


def test_the_transcript_tells_statement_verdict_and_rules(tmp_path):
    """For each claim; definitions are spelled out."""
    text = HEAD + '[define]\nX = "EVOU - EVOU.T"\n' + CLAIM + '[[claim]]\nid = "b"\nstatement = "X = -X.T"\n'
    report = run(read(written(tmp_path, text)))
    report.write(tmp_path / "out")
    told = (tmp_path / "out" / "claims.md").read_text("utf-8")
    for piece in ("X = EVOU - EVOU.T", "X = -X.T", "2 PROVED", "`decide/1`", "`token_order_tree/1`"):
        assert piece in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model = ", "claims.toml: expected a TOML file, found "),
        (HEAD, "claims.toml: expected 1 to 1000 claims, found 0"),
        (HEAD + CLAIM + CLAIM, "claims.toml: expected one claim of id 'a', found 2"),
        (CLAIM, "claims.toml: claim a: expected a key 'model', found none"),
        (HEAD + '[[claim]]\nid = "a"\n', "claim a: expected a key 'statement', found none"),
        (HEAD + '[[claim]]\nstatement = "1 < 2"\n', "claim without id: expected a key 'id', found none"),
        (HEAD + CLAIM + 'statment = "1 < 2"\n', "claim a: unknown key 'statment'; did you mean 'statement'?"),
        (HEAD + CLAIM + "expect = 1\n", "claim a: expected text for 'expect', found int"),
        (HEAD + CLAIM + 'expect = "TRUE"\n', "expected one of PROVED, REFUTED, UNDECIDED in 'expect', found 'TRUE'"),
        (HEAD + CLAIM.replace('"a"', '"a b"'), "claim a b: expected an id without spaces"),
        ("modell = 'x'\n" + CLAIM, "expected only the keys model, task, config before the claims, found 'modell' (did"),
        (HEAD + "claim = 3\n", "expected [[claim]] tables, found another kind of 'claim'"),
        (HEAD + CLAIM.replace("= 16/27", "= "), "claim a: column 11: expected a name, a number or '(', found the end"),
        (HEAD + '[define]\nmax = "EQKE"\n' + CLAIM, "expected new names in [define], of letters, digits and _"),
        (HEAD + '[define]\nX = "EQKE +"\n' + CLAIM, "the definition of X, found column 7: expected a name"),
        (HEAD + '[define]\nX = "EQKE[q]"\n' + CLAIM, "the definition of X, found column 6: there is no 'q' here"),
        (HEAD + "[define]\nX = 3\n" + CLAIM, "expected an expression as the definition of X, found int"),
        ("x = " + "[" * 100_000, "claims.toml: expected a TOML file, found"),
        ("x = " + "1" * 5000, "claims.toml: expected a TOML file, found"),
        (CLAIM.replace("[[claim]]", 'model = "zoo:none"\n[[claim]]'), "none"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_one_sentence(tmp_path, text, sentence):
    """What was expected and what was found, with the file and the claim."""
    with pytest.raises(MechproofError) as caught:
        read(written(tmp_path, text))
    assert sentence in describe(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    """The same, for bytes that are no UTF-8 and for nothing."""
    (tmp_path / "claims.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(MechproofError, match="expected a TOML file"):
        read(tmp_path / "claims.toml")
    with pytest.raises(MechproofError, match="found nothing of this name"):
        read(tmp_path / "none.toml")


def test_statements_that_meet_the_wrong_weights_name_the_claim(tmp_path):
    """An index that these weights do not have is an error of this claim, and unknown tasks are named."""
    path = written(tmp_path, HEAD + CLAIM.replace("accuracy = 16/27", "EVOU[3] < 1"))
    with pytest.raises(MechproofError, match="claim a: column 1: row 3 of a matrix that has 3 rows"):
        run(read(path))
    with pytest.raises(MechproofError, match="there is no task 'sorting'"):
        run(read(written(tmp_path, HEAD + 'task = "sorting"\n' + CLAIM)))


def test_each_claim_may_have_its_own_model(tmp_path):
    """Paths are relative to the file; networks from the zoo go by name."""
    other = CLAIM.replace('"a"', '"b"').replace("accuracy = 16/27", "V = 64 and K = 2")
    (tmp_path / "weights.npz").write_bytes(CELL.read_bytes())
    text = 'model = "weights.npz"\n' + CLAIM + other + 'model = "zoo:max_of_2_v64_d32_seed123"\n'
    report = run(read(written(tmp_path, text)))
    assert [result.verdict.status for result in report.results] == ["PROVED", "PROVED"] and report.proved
