"""Claim files: what is read, what is refused with a sentence, and what the command prints and writes."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from mechproof.__main__ import main
from mechproof.claims.run import read, run
from mechproof.claims.session import Session, Verdict
from mechproof.engine.errors import MechproofError, describe
from mechproof.rewrites.advice.allowance import BudgetSpent

CELL = Path(__file__).parents[1] / "data" / "unsound_averaging" / "cell_v3_k3.npz"
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


def unhashed(lines: str) -> str:
    """Without the hashes at their ends."""
    return re.sub(r"  claim:[0-9a-f]{12}$", "", lines, flags=re.MULTILINE)


def default_folder(tmp_path: Path, stem: str = "claims") -> Path:
    (found,) = (tmp_path / "mechproof-out").glob(f"{stem}-claims-*")
    return found


def test_every_report_has_a_folder_of_its_own(command, tmp_path):
    """Files of one name in two folders, other weights, other claims and other results replace nothing."""
    other = HEAD.replace(str(CELL), str(CELL.with_name("total_v8_k4.npz")))
    stated = {"a": HEAD + CLAIM, "b": HEAD + CLAIM.replace("16/", "17/"), "c": other + CLAIM}
    folders = []
    for name, text in stated.items():
        (tmp_path / name).mkdir()
        path = written(tmp_path / name, text)
        folders += [Path(json.loads(command(path, "--json")[1])["files"][0]).parent for _ in range(2)]
    assert folders[::2] == folders[1::2] and len(set(folders)) == 3


def test_one_line_a_claim_and_exit_codes(command, tmp_path):
    """0 if all are proved, 1 if not, 2 for malformed input; transcript and certificate are written."""
    path = written(tmp_path, HEAD + CLAIM)
    code, out, err = command(path)
    assert (code, unhashed(out), err) == (0, "PROVED  a  accuracy = 16/27\n", "")
    assert {"claims.md", "claims.html", "claims.tex", "accuracy-1", "certificates"} == {
        p.name for p in default_folder(tmp_path).iterdir()
    }
    code, out, _ = command(written(tmp_path, HEAD + CLAIM.replace("16/", "17/")), "--out", tmp_path / "other")
    assert (code, unhashed(out)) == (1, "REFUTED  a  accuracy = 16/27\n")
    assert (tmp_path / "other" / "accuracy-1" / "certificate.json").is_file()
    code, out, err = command(written(tmp_path, HEAD + CLAIM.replace("[[claim]]", "[[claims]]")))
    assert (code, out) == (2, "") and "before the claims, found 'claims'" in err


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
        (HEAD + '[[claim]]\nstatement = "1 < 2"\n', "claim without id: expected a key 'id' with a text, found None"),
        (HEAD + '[[claim]]\nid = 3\n', "claim without id: expected a key 'id' with a text, found 3"),
        (HEAD + CLAIM.replace('"a"', '"a b"'), "claim a b: expected an id without spaces"),
        ("modell = 'x'\n" + CLAIM, "expected only the keys model, task, config before the claims, found 'modell' (did"),
        (HEAD + "claim = 3\n", "expected [[claim]] tables, found another kind of 'claim'"),
        (HEAD + '[define]\nmax = "EQKE"\n' + CLAIM, "expected new names in [define], of letters, digits and _"),
        (HEAD + '[define]\nX = "EQKE +"\n' + CLAIM, "the definition of X, found column 7: expected a name"),
        (HEAD + '[define]\nX = "row_max(EQKE, 1)"\n' + CLAIM, "the definition of X, found column 1: row_max takes"),
        (HEAD + "[define]\nX = 3\n" + CLAIM, "expected an expression as the definition of X, found int"),
        ("x = " + "[" * 100_000, "claims.toml: expected a TOML file, found"),
        ("x = " + "1" * 5000, "claims.toml: expected a TOML file, found"),
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


def claim(name: str, statement: str, more: str = "") -> str:
    return f'[[claim]]\nid = "{name}"\nstatement = "{statement}"\n{more}'


def test_a_statement_that_means_nothing_is_an_error_of_its_own_claim(command, tmp_path):
    """Division by zero and an index that these weights do not have: exit 2, and the other verdicts stand."""
    claims = claim("a", "accuracy = 16/27"), claim("b", "1 / (accuracy - 16/27) > 0"), claim("c", "EVOU[3] < 1")
    code, out, err = command(written(tmp_path, HEAD + "".join(claims) + claim("d", "accuracy > 2/3")))
    assert (code, err) == (2, "")
    assert unhashed(out).splitlines() == [
        "PROVED  a  accuracy = 16/27",
        "ERROR  b  column 1: division by zero",
        "ERROR  c  column 1: row 3 of a matrix that has 3 rows, counted from 0",
        "REFUTED  d  accuracy = 16/27",
    ]
    told = (default_folder(tmp_path) / "claims.md").read_text("utf-8")
    assert "2 ERROR, 1 PROVED, 1 REFUTED" in told and "division by zero" in told
    assert len(list((default_folder(tmp_path) / "certificates").iterdir())) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (claim("x", "acuracy = 1"), "column 1: there is no 'acuracy' here; the nearest known name is 'accuracy'"),
        (claim("x", "accuracy = "), "column 11: expected a name, a number or '(', found the end"),
        (claim("x", "for all q < 3: 1 = 1"), "column 9: the variable q does not occur after the colon"),
        (claim("x", "1 = 1", 'model = "none.npz"\n'), "none.npz: expected a file"),
        (claim("x", "1 = 1", 'model = "damaged.npz"\n'), "damaged.npz"),
        (claim("x", "1 = 1", 'model = "zoo:none"\n'), "none"),
        (claim("x", "1 = 1", 'model = ""\n'), "expected a key 'model', found none"),
        (claim("x", "1 = 1", 'config = "none.json"\n'), "none.json: expected a file"),
        (claim("x", "1 = 1", 'task = "sorting"\n'), "there is no task 'sorting'; the tasks are"),
        (claim("x", "1 = 1", 'statment = "1 < 2"\n'), "unknown key 'statment'; did you mean 'statement'?"),
        (claim("x", "1 = 1", "expect = 1\n"), "expected text for 'expect', found int"),
        (claim("x", "1 = 1", 'expect = "TRUE"\n'), "expected one of PROVED, REFUTED, UNDECIDED in 'expect'"),
        ('[[claim]]\nid = "x"\n', "expected a key 'statement', found none"),
    ],
)  # fmt: skip
def test_a_bad_claim_is_an_error_of_its_own_and_never_the_loss_of_the_file(tmp_path, text, sentence):
    """Its sentence is its verdict; the claims before and after it are settled, and all of them are reported."""
    (tmp_path / "damaged.npz").write_bytes(b"PK no weights")
    report = run(read(written(tmp_path, HEAD + CLAIM + text + claim("z", "accuracy = 17/27"))))
    assert [result.verdict.status for result in report.results] == ["PROVED", "ERROR", "REFUTED"]
    assert sentence in report.results[1].verdict.detail and report.exit_code == 2
    report.write(tmp_path / "out")
    assert "1 ERROR, 1 PROVED, 1 REFUTED" in (tmp_path / "out" / "claims.md").read_text("utf-8")
    assert [claim["status"] for claim in report.as_json()["claims"]] == ["PROVED", "ERROR", "REFUTED"]


def test_weights_that_cannot_be_read_are_tried_once(tmp_path, monkeypatch):
    """However many claims are about them: each is an error."""
    from mechproof.claims import run as module

    tried = []
    network_of = module.network_of
    monkeypatch.setattr(module, "network_of", lambda *about: tried.append(about) or network_of(*about))
    claims = "".join(claim(name, "V = 3", 'model = "none.npz"\n') for name in "abc")
    results = run(read(written(tmp_path, claims))).results
    assert {(r.verdict.status, r.session) for r in results} == {("ERROR", None)} and len(results) == 3
    assert len(tried) == 1


def test_verdicts_are_told_as_they_come(tmp_path, monkeypatch):
    """When a claim is settled, those before it are on standard output already, and flushed."""
    path = written(tmp_path, HEAD + CLAIM + claim("b", "V = 3") + claim("c", "1 / 0 < 1"))
    settle, out = Session.settle, io.StringIO()
    seen: list[str] = []
    flushed: list[str] = []

    def watched(self, statement):
        seen.append(out.getvalue())
        return settle(self, statement)

    monkeypatch.setattr(out, "flush", lambda: flushed.append(out.getvalue()))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(Session, "settle", watched)
    monkeypatch.setattr(sys, "argv", ["mechproof", "claims", "--quiet", str(path)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and seen[0] == ""
    assert seen[1].startswith("PROVED  a  accuracy = 16/27") and seen[1].count("\n") == 1
    assert seen[2].count("\n") == 2 and set(seen[1:]) <= set(flushed)


def hashes(folder: Path, *statements: str, more: str = "") -> list[str]:
    claims = "".join(claim(f"c{n}", statement, more) for n, statement in enumerate(statements))
    return [result.sha256 for result in run(read(written(folder, HEAD + claims))).results]


def test_a_claim_is_cited_by_the_hash_of_statement_and_text(command, tmp_path):
    """As docs/claims.md says; whole in JSON and transcript, its first digits at the end of the line."""
    path = written(tmp_path, HEAD + '[define]\nX = "3"\n' + claim("a", "V ≈  3") + claim("b", "V=X"))
    found = json.loads(command(path, "--json")[1])
    (weights,) = found["provenance"]["weights"]
    for stated, text in zip(found["claims"], ("V ~= 3", "V = 3"), strict=True):
        told = hashlib.sha256(f'["{weights["statement"]}","{text}"]'.encode("ascii")).hexdigest()
        assert stated["sha256"] == told
        assert told in (default_folder(tmp_path) / "claims.md").read_text("utf-8")
    assert [line[-18:] for line in command(path)[1].splitlines()] == [
        f"claim:{stated['sha256'][:12]}" for stated in found["claims"]
    ]


def test_the_hash_is_the_claim_s_and_not_the_verdict_s(tmp_path):
    """One for each meaning of the text and each network, whatever is expected; none without a statement or weights."""
    texts = "accuracy=16/27", "accuracy  =  16 / 27", "accuracy ≈ 0.6", "accuracy ≈ 0.60", "accuracy = 17/27"
    same, spaced, *others = hashes(tmp_path, *texts)
    assert same == spaced and len({same, *others}) == 4 and all(len(one) == 64 for one in (same, *others))
    assert hashes(tmp_path, texts[0], more='expect = "REFUTED"\n') == [same]
    other = f'model = "{CELL.with_name("total_v8_k4.npz")}"\n'
    assert hashes(tmp_path, texts[0], more=other)[0] not in (same, "")
    assert hashes(tmp_path, texts[0], more='task = "min-of-k"\n') != [same]
    assert hashes(tmp_path, "accuracy =", "1 / 0 = 1")[0] == ""
    assert hashes(tmp_path, texts[0], more='model = "none.npz"\n') == [""]


def test_a_network_that_is_not_supported_is_cited_by_its_file(tmp_path):
    """What is claimed of it is a claim all the same; other bytes have another hash."""
    lone = {"W_U": np.eye(3)}
    np.savez(tmp_path / "one.npz", allow_pickle=False, **lone)
    np.savez(tmp_path / "two.npz", allow_pickle=False, W_U=2 * np.eye(3))
    one, two = (hashes(tmp_path, "loss = 0", more=f'model = "{name}.npz"\n')[0] for name in ("one", "two"))
    told = hashlib.sha256((tmp_path / "one.npz").read_bytes()).hexdigest()
    subject = hashlib.sha256(f'["{told}","max-of-k"]'.encode("ascii")).hexdigest()
    assert one == hashlib.sha256(f'["{subject}","loss = 0"]'.encode("ascii")).hexdigest() != two


def test_only_the_claims_that_are_named(command, tmp_path):
    """In the order of the file; a name that no claim has is refused with the nearest one."""
    path = written(tmp_path, HEAD + CLAIM + claim("bb", "V = 3") + claim("cc", "K = 4"))
    code, out, _ = command(path, "--only", "cc", "--only", "a")
    assert code == 1 and [line.split()[1] for line in out.splitlines()] == ["a", "cc"]
    code, out, err = command(path, "--only", "bbb")
    assert (code, out) == (2, "")
    assert "claims.toml: expected a claim of id 'bbb', found none; did you mean 'bb'?" in err


def test_what_the_file_expects_decides_the_exit_code(command, tmp_path):
    """A verdict that is known and came out is 0, one that did not is 1, and nothing excuses an error."""
    refuted, unknown = claim("a", "accuracy = 17/27", 'expect = "REFUTED"\n'), claim("b", "loss > 1", "")
    code, out, _ = command(written(tmp_path, HEAD + refuted + CLAIM.replace('"a"', '"c"')))
    assert (code, unhashed(out).splitlines()[0]) == (0, "REFUTED  a  accuracy = 16/27  [as expected]")
    code, out, _ = command(written(tmp_path, HEAD + refuted), "--json")
    found = json.loads(out)
    assert (code, found["status"], found["claims"][0]["as_expected"]) == (0, "AS EXPECTED", True)
    surprised = refuted.replace("17/27", "16/27")
    code, out, _ = command(written(tmp_path, HEAD + surprised + CLAIM.replace('"a"', '"c"')))
    assert (code, unhashed(out).splitlines()[0]) == (1, "PROVED  a  accuracy = 16/27  [expected REFUTED]")
    assert command(written(tmp_path, HEAD + refuted + unknown.replace("loss > 1", "1 / 0 > 1")))[0] == 2


def test_weights_too_large_for_the_tables_leave_a_claim_undecided(tmp_path):
    """A limit of the prover is no verdict about the claim, and none about its neighbours."""
    arrays = dict(np.load(CELL))
    np.savez(
        tmp_path / "huge.npz",
        allow_pickle=False,
        **{name: np.float64(array) * 2.0**200 for name, array in arrays.items()},
    )
    text = 'model = "huge.npz"\n' + claim("a", "accuracy = 1") + claim("b", "V = 3")
    report = run(read(written(tmp_path, text)))
    assert [result.verdict.status for result in report.results] == ["UNDECIDED", "PROVED"]
    assert "these weights are too large for the fixed-point tables" in report.results[0].line


def test_the_style_file_is_printed_or_installed(command, tmp_path):
    """So that plain pdflatex finds it; nothing else is read or written."""
    code, out, _ = command("--sty")
    assert code == 0 and out.startswith("\\NeedsTeXFormat") and not list(tmp_path.iterdir())
    code, told, _ = command("--sty", tmp_path / "paper")
    assert (code, told) == (0, f"{tmp_path / 'paper' / 'mechproof.sty'}\n")
    assert (tmp_path / "paper" / "mechproof.sty").read_text("utf-8") == out
    assert command()[0] == 2
    code, _, err = command("--sty", written(tmp_path, "", "paper.tex"))
    assert code == 2 and "paper.tex: cannot be written" in err


def test_what_was_not_read_is_on_standard_error_in_the_report_and_in_json(command, tmp_path):
    """A missing file of a LaTeX document."""
    path = written(tmp_path, f"\\mechproofmodel{{{CELL}}}\n\\input{{s}}\\mechclaim{{a}}{{accuracy < 1}}{{x}}", "p.tex")
    code, out, err = command(path)
    assert (code, unhashed(out)) == (0, "PROVED  a  accuracy = 16/27\n")
    assert err == "mechproof: p.tex, line 2: \\input{s}: there is no such file; claims in it are not checked\n"
    assert json.loads(command(path, "--json")[1])["warnings"] == [err.removeprefix("mechproof: ").strip()]
    assert "there is no such file" in (default_folder(tmp_path, "p") / "claims.md").read_text("utf-8")


def test_each_claim_may_have_its_own_model(tmp_path):
    """Paths are relative to the file; networks from the zoo go by name."""
    other = CLAIM.replace('"a"', '"b"').replace("accuracy = 16/27", "V = 64 and K = 2")
    (tmp_path / "weights.npz").write_bytes(CELL.read_bytes())
    text = 'model = "weights.npz"\n' + CLAIM + other + 'model = "zoo:max_of_2_v64_d32_seed123"\n'
    report = run(read(written(tmp_path, text)))
    assert [result.verdict.status for result in report.results] == ["PROVED", "PROVED"] and report.proved


def test_seconds_are_for_all_claims_together(tmp_path, monkeypatch):
    """A claim that would take for ever is UNDECIDED, and leaves time for the next."""
    file = read(written(tmp_path, HEAD + CLAIM + CLAIM.replace('"a"', '"b"')))
    settle = Session.settle
    endless = iter([True])

    def slowly(self, statement):
        while next(endless, False):
            while True:
                sleep(0.01)
        return settle(self, statement)

    monkeypatch.setattr(Session, "settle", slowly)
    start = monotonic()
    first, second = run(file, seconds=3).results
    assert monotonic() - start < 15  # for busy machines
    assert (first.verdict.status, first.verdict.detail) == ("UNDECIDED", "the budget ended first")
    assert second.verdict.status == "PROVED"


def test_each_claim_may_have_seconds_of_its_own(command, tmp_path, monkeypatch):
    """A claim that takes longer is UNDECIDED and says why; the others are settled."""
    path = written(tmp_path, HEAD + CLAIM + claim("b", "V = 3") + claim("c", "K = 4"))
    settle = Session.settle

    def slowly(self, statement):
        while str(statement) == "V = 3":
            sleep(0.01)
        return settle(self, statement)

    monkeypatch.setattr(Session, "settle", slowly)
    code, out, _ = command(path, "--timeout", 2)
    assert code == 1
    assert [line.split("  ")[:2] for line in out.splitlines()] == [
        ["PROVED", "a"], ["UNDECIDED", "b"], ["REFUTED", "c"]
    ]  # fmt: skip
    assert "the timeout of 2 s for a claim ended first" in out.splitlines()[1]


def test_claims_that_the_time_does_not_reach_are_undecided(tmp_path, monkeypatch):
    """Work that cannot be cut off takes the time of all that follow: they are listed, none is settled."""
    file = read(written(tmp_path, HEAD + "".join(CLAIM.replace('"a"', f'"{name}"') for name in "abcd")))
    settled = []

    def stubborn(self, statement):
        settled.append(statement)
        end = monotonic() + 1.5
        while monotonic() < end:
            with suppress(BudgetSpent):
                while monotonic() < end:
                    sleep(0.01)
        return Verdict("PROVED", "late")

    monkeypatch.setattr(Session, "settle", stubborn)
    results = run(file, seconds=1).results
    assert len(settled) == 1
    assert [result.claim.id for result in results] == list("abcd")
    assert {result.verdict.status for result in results[1:]} == {"UNDECIDED"}


def test_a_claim_about_tensors_is_cited_by_those_it_names(tmp_path):
    """Not by the rest of the file, nor by the file's bytes."""
    name, found = 'model = "file.npz"\n', []
    for a, b in ((1.0, 1.0), (1.0, 2.0), (3.0, 1.0)):
        np.savez(tmp_path / "file.npz", allow_pickle=False, **{"x.A": np.full((2, 2), a), "x.B": np.full((2, 2), b)})
        found += hashes(tmp_path, "max(x.A) = 1", more=name)
    assert found[0] == found[1] != found[2] and all(len(one) == 64 for one in found)
