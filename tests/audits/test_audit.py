"""Verdicts about published bounds: what is false, what does not follow, what floats are to blame for."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from float_networks import small
from typer.testing import CliRunner

from mechproof.__main__ import app
from mechproof.audits import relaxation, reporting
from mechproof.audits.attack import lie, minimised, nonzero
from mechproof.audits.corpus import LIST, entry
from mechproof.audits.findings import BoundAudit, CellFinding, Verdict, VerifierAudit
from mechproof.audits.legend import LEGEND
from mechproof.audits.network_audit import Audit
from mechproof.audits.relaxation import Cells, certified
from mechproof.audits.run_errors import RunErrors
from mechproof.audits.runs import Setting
from mechproof.audits.session import HasBiases, Session, audit
from mechproof.audits.verifiers import UnknownVerifier, Verifier, names, published
from mechproof.audits.witness import Witness
from mechproof.engine.transcript import html, markdown
from mechproof.rewrites.published.network import FloatNetwork, Run
from mechproof.rewrites.published.sub_cubic import Replay

ONE = ("float32",)
CORPUS = Path(__file__).parents[1] / "data" / "audit_corpus"


def disguised(name: str) -> Verifier:
    """The same computation under a name that says nothing, wrapped."""
    original = published(name)

    def verify(network: FloatNetwork, gaps: torch.Tensor) -> Replay:
        run = original.verify(network, gaps)
        assert isinstance(run, Replay)
        return Replay(run.steps, run.gaps, run.worst)

    return Verifier("harmless", lambda network: original.search(network), verify)


def test_a_total_that_is_false_is_found(data):
    """1233 where 513 is the truth: FALSE, with sequences that are wrong, in every cell that does not follow."""
    (bound,) = Session(data / "unsound_averaging" / "total_v8_k4.npz").audit(published("exact/mean/EQKE"), ONE).bounds
    assert (bound.verdict, bound.count, bound.truth) == (Verdict.false, 1233, 513)
    assert bound.false
    assert not bound.not_implied


def test_a_cell_with_a_wrong_sequence_is_found(data, oracle):
    """The cell q = 0, m = 2, c = 2 is named, and the definition, read a second time, says its witness is wrong."""
    path = data / "unsound_averaging" / "cell_v3_k3.npz"
    session = Session(path)
    (bound,) = session.audit(published("mean/mean/EQKE"), ONE).bounds
    (found,) = bound.false
    assert (found.cell, found.gap) == ((0, 2, 2), 1)
    assert found.claimed == pytest.approx(-0.3, abs=1e-4)
    assert found.witness is not None
    assert found.witness.tokens in oracle.stored(path).truth.wrong


@pytest.mark.parametrize(("network", "name"), [("cell_v3_k3", "mean/mean/EQKE"), ("total_v8_k4", "mean/mean/sub")])
def test_names_do_not_matter(network, name, data):
    """The same computation, wrapped and renamed, gets the same findings."""
    session = Session(data / "unsound_averaging" / f"{network}.npz")
    (honest,), (hidden,) = (session.audit(one, ONE).bounds for one in (published(name), disguised(name)))
    assert honest.findings
    assert (honest.findings, honest.verdict) == (hidden.findings, hidden.verdict)


def test_the_sound_rule_holds_there(data):
    """The defect is the averaging: without it the same network's bound holds."""
    path = data / "unsound_averaging" / "total_v8_k4.npz"
    (bound,) = Session(path).audit(published("exact/drop/EQKE"), ONE).bounds
    assert bound.verdict is Verdict.holds


@pytest.mark.ci
def test_a_cell_that_does_not_follow_is_found_on_a_trained_network(data):
    """A true bound whose derivation does not give it: certified in floats, open in its own relaxation."""
    path = data / "max_of_4_seed123" / "weights.npz"
    (bound,) = Session(path).audit(published("glob/mean/svd"), ONE).bounds
    assert bound.verdict is Verdict.not_implied
    (found,) = bound.not_implied
    assert found.claimed < 0 < found.excess
    assert not found.by_floats


def test_cells_that_follow_hold_no_wrong_sequence(tmp_path, oracle):
    """Whatever table and noise a run claims, no cell with a negative exact bound has a wrong sequence."""
    decided = 0
    for seed in range(6):
        path = small(tmp_path, seed, copying=3)
        session, wrong = Session(path), oracle.stored(path).truth.wrong
        gaps = torch.ones(3, 3, 3, dtype=torch.long)
        run = published("mean/mean/mdx").verify(session.network("bfloat16"), gaps)
        run.steps["score noise"] = run.steps["score noise"] * 0
        cells = [(q, m, c) for q, m in product(range(3), repeat=2) for c in range(3) if q <= m and (q == m or c)]
        cells = [(q, m, c) for q, m, c in cells if m or not c]
        q, m, c = np.array(cells).T
        chosen = Cells(q, m, c, np.ones_like(q))
        for (q, m, c), bound in zip(cells, session.truth.relaxation(run.steps, gaps).bounds(chosen), strict=True):
            if not bound < 0:
                continue
            for tokens in product(range(m + 1), repeat=3):
                if tokens[-1] == q and max(tokens) == m and sum(token != m for token in tokens) == c:
                    decided += 1
                    assert tokens not in wrong, (seed, q, m, c)
    assert decided > 10


def test_noise_below_the_truth_is_found(tmp_path):
    """A claimed upper bound that is too small is reported with the rows and the amount, whoever claims it."""
    original = published("mean/drop/mdx")

    def verify(network: FloatNetwork, gaps: torch.Tensor) -> Run:
        run = original.verify(network, gaps)
        run.steps["direct noise"] = run.steps["direct noise"] / 2
        return run

    session = Session(small(tmp_path, 3))
    (bound,) = session.audit(Verifier("halved", original.search, verify), ONE).bounds
    (missing,) = [missing for missing in bound.missing if missing.step == "direct noise"]
    assert missing.rows >= 1
    assert missing.amount > 0


def test_numbers_that_are_none_are_findings(tmp_path):
    """Weights that overflow half precision give NaN, which is reported and certifies nothing false."""
    found = audit(small(tmp_path, 1, 3000.0), [published("mean/drop/md")], ("float16",))
    (one,) = found.audits
    assert sum(step.not_numbers for run in one.runs for step in run.steps) > 0
    assert "not-a-number" in json.dumps(reporting.sarif(found, "0"))
    bounds = [step["apriori"] for run in one.as_json()["runs"] for step in run["steps"]]
    assert None in bounds
    json.dumps(bounds, allow_nan=False)
    assert all(bound.verdict is not Verdict.false for bound in one.bounds)


def test_a_type_that_cannot_run_is_skipped_and_said_so(tmp_path):
    """A machine without half precision products: a note, not a crash, and the other types are audited."""
    original = published("exact/drop/EQKE")

    def verify(network: FloatNetwork, gaps: torch.Tensor) -> Run:
        if network.W_E.dtype == torch.float16:
            raise RuntimeError("\"addmm_impl_cpu_\" not implemented for 'Half'")
        return original.verify(network, gaps)

    session = Session(small(tmp_path, 2))
    one = session.audit(Verifier("no half", original.search, verify), ("float16", "float32"))
    assert {run.setting.dtype for run in one.runs if run.skipped} == {"float16"}
    assert [bound.dtype for bound in one.bounds] == ["float32"]


def test_a_run_that_stops_is_no_bound(tmp_path):
    """A verifier that fails in its own float type proves nothing, and the audit does not hold."""

    def verify(network: FloatNetwork, gaps: torch.Tensor) -> Replay:
        raise RuntimeError("linalg.svd: the input contains non-finite values")

    failing = Verifier("failing", lambda network: torch.ones(3, 3, 3, dtype=torch.long), verify)
    found = audit(small(tmp_path, 2), [failing], ONE)
    assert not found.holds
    assert found.skipped == ("failing, float32: linalg.svd: the input contains non-finite values",)


def test_biases_are_refused(tmp_path):
    """The published algorithm knows no biases: a network with some is not audited as if it had none."""
    with pytest.raises(HasBiases, match="b_U"):
        Session(small(tmp_path, 0, b_U=np.ones(3, dtype=np.float32)))


def test_unknown_names_are_refused():
    """A configuration that was never published has no replay."""
    assert len(names()) == 103
    with pytest.raises(UnknownVerifier, match="exact/chord/EQKE"):
        published("exact/chord/EQKE")


@pytest.mark.parametrize("item", json.loads((CORPUS / LIST).read_text("utf-8")), ids=lambda item: item["weights"])
def test_the_corpus_is_false(item):
    """Every stored network still makes its verifier certify what its witness refutes, with the recorded figures."""
    (bound,) = Session(CORPUS / item["weights"]).audit(published(item["verifier"]), ONE).bounds
    assert bound.verdict is Verdict.false
    assert entry(item["weights"], bound) == item


def test_attacks_are_made_small():
    """Minimising removes what the lie does not need, and keeps the lie."""
    verifier = published("mean/mean/EQKE")
    with np.load(CORPUS / "mean-mean-EQKE-relaxation.npz") as archive:
        weights = {name: archive[name] for name in archive.files}
    larger = {name: value.copy() for name, value in weights.items()}
    larger["W_K"][-1] += np.float32(0.1)
    assert lie(verifier, larger) > 0
    found = minimised(larger, lambda candidate: lie(verifier, candidate) > 0)
    assert lie(verifier, found) > 0
    assert nonzero(found) < nonzero(larger)


def test_reports_agree(data):
    """Transcript, SARIF and JSON carry the verdict and the witness; SARIF has the shape that readers need."""
    found = audit(data / "unsound_averaging" / "cell_v3_k3.npz", [published("mean/mean/EQKE")], ONE)
    document = reporting.document(found)
    for text in (markdown(document), html(document)):
        assert "FALSE" in text
        assert "(0, 2, 0)" in text
    log = reporting.sarif(found, "0.1")
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert any(result["level"] == "error" and result["ruleId"] == "false-bound" for result in run["results"])
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert json.loads(json.dumps(found.as_json()))["verifiers"][0]["bounds"][0]["verdict"] == "FALSE"


def test_bounds_of_errors_are_reported(data):
    """Table, transcript, JSON and SARIF say what the a-priori bounds leave open, and SARIF where one was exceeded."""
    found = audit(data / "unsound_averaging" / "cell_v3_k3.npz", [published("mean/mean/EQKE")], ("float16", "float64"))
    (one,) = found.audits
    coarse, fine = (next(run for run in one.runs if run.setting.dtype == kind) for kind in ("float16", "float64"))
    assert fine.uncertain < coarse.uncertain
    assert coarse.certain + coarse.uncertain == fine.certain + fine.uncertain
    assert all(step.absolute <= step.apriori and not step.beyond for run in one.runs for step in run.steps)
    assert f"{one.worst('float16')[0].apriori:.1e}" in markdown(reporting.document(found))
    log = reporting.sarif(found, "0.1")["runs"][0]["results"]
    (said,) = [result for result in log if result["ruleId"] == "uncertain-comparison"]
    assert said["message"]["text"].startswith(f"{coarse.uncertain} of {coarse.certain + coarse.uncertain}")
    assert not [result for result in log if result["ruleId"] == "beyond-bound"]
    wrong = replace(fine, steps=(replace(fine.steps[0], beyond=3), *fine.steps[1:]))
    other = replace(found, audits=(replace(one, runs=(wrong,)),))
    (said,) = [result for result in reporting.sarif(other, "0.1")["runs"][0]["results"] if "above" in str(result)]
    assert (said["ruleId"], said["level"]) == ("beyond-bound", "error")


def test_command(data, tmp_path):
    """``mechproof audit``: exit 1 and the files for a false bound, 0 where all bounds hold, 2 without weights."""
    folder = data / "unsound_averaging"
    run = CliRunner().invoke
    options = ["--dtype", "float32", "--quiet"]
    files = ["--sarif", str(tmp_path / "a.sarif"), "--out", str(tmp_path)]
    bad = run(app, ["audit", str(folder / "cell_v3_k3.npz"), "--strategy", "mean/mean/EQKE", *options, *files])
    assert (bad.exit_code, (tmp_path / "a.sarif").exists(), (tmp_path / "cell_v3_k3.html").exists()) == (1, True, True)
    assert max(map(len, bad.output.split("FALSE:")[0].splitlines())) <= 80
    good = run(app, ["audit", str(folder / "total_v8_k4.npz"), "--strategy", "exact/drop/EQKE", *options, "--json"])
    assert (good.exit_code, json.loads(good.output)["holds"]) == (0, True)
    claim = ["--strategy", "loss", "--gap", "-20"]
    loss = run(app, ["audit", str(data / "induction_gbmi" / "l_2_2_model.npz"), *claim, *options])
    assert loss.exit_code == 1
    assert "log(1 + 25 exp(-20)) is 0 (float32)" in loss.output.replace("\n", " ")
    assert run(app, ["audit", str(folder / "total_v8_k4.npz"), "--strategy", "loss", *options]).exit_code == 2
    assert run(app, ["audit"]).exit_code == 2


@pytest.mark.ci
def test_all_exit_with_0_where_everything_is_implied(tmp_path):
    """``--all``: uniform attention and logits that are powers of two, so that every published bound follows exactly."""
    square, output = np.eye(4, dtype=np.float32), np.diag(4.0 ** np.arange(4)).astype(np.float32)
    position, nothing = np.zeros((2, 4), dtype=np.float32), np.zeros((4, 4), dtype=np.float32)
    straight = {"W_E": square, "W_pos": position, "W_V": square, "W_O": square, "W_U": output}
    path = small(tmp_path, 0, **straight, W_Q=nothing, W_K=nothing)
    done = CliRunner().invoke(app, ["audit", str(path), "--all", "--dtype", "float32", "--quiet"])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "s HOLDS 103 bounds audited: 103 HOLDS")


def test_outputs_that_never_lead_are_left_out(data, monkeypatch):
    """Bounds of cells are those of all outputs."""
    session = Session(data / "unsound_averaging" / "total_v8_k4.npz")
    verifier, network = published("mean/mean/sub"), session.network("float32")
    run = verifier.verify(network, verifier.search(network))
    assert isinstance(run, Replay)
    cells = certified(run)
    found = session.truth.relaxation(run.steps, run.gaps).bounds(cells)
    monkeypatch.setattr(relaxation, "_leading", lambda start, slope: (start, slope))
    every = session.truth.relaxation(run.steps, run.gaps).bounds(cells)
    assert len(cells) > 10 and all(abs(a - b) < 1e-40 for a, b in zip(found, every, strict=True))


def test_a_bound_that_depends_on_summation_order_says_so(tmp_path):
    """Runs that certify other cells are judged too, and the verdict is the worst of all."""
    found = audit(small(tmp_path, 8, 1.0), [published("exact/drop/EQKE")], ("bfloat16",))
    (one,) = found.bounds
    (other,) = one.others
    assert (one.count, other.bound.count) == (4, 5)
    assert "it depends on summation order: bfloat16, in halves, 1 thread says 5 (HOLDS)" in one.sentence()
    worse = replace(one, others=(replace(other, bound=replace(other.bound, findings=(CELLS[Verdict.widened],))),))
    assert (worse.own, worse.verdict) == (Verdict.holds, Verdict.widened)
    json.dumps(found.as_json(), allow_nan=False)


def test_the_truth_is_counted_where_branch_and_bound_can(data):
    """Also where there are too many sequences to run one by one: 4096 here, and 2^24 in less than two seconds."""
    assert Session(data / "unsound_averaging" / "total_v8_k4.npz").right == 513


def test_false_counts_and_false_cells_are_told_apart():
    """And where only some cells were searched, how many are false is a lower bound."""
    count = bound(count=17).sentence()
    assert "16 are, so the count is false" in count and "cell" not in count
    cell = bound(findings=(CELLS[Verdict.false],)).sentence()
    assert "the cell is false; 1 such cells" in cell and "count is false" not in cell
    assert "at least 1 such cells" in bound(findings=(CELLS[Verdict.false],), capped=True).sentence()


def test_sarif_names_the_lines_of_the_replay(data):
    """Each result has a region of the weights, and the lines of the published code that it is about."""
    found = audit(data / "unsound_averaging" / "cell_v3_k3.npz", [published("mean/mean/EQKE")], ("float32",))
    for result in reporting.sarif(found, "0.1")["runs"][0]["results"]:
        assert result["locations"][0]["physicalLocation"]["region"] == {"byteOffset": 0}
        code = result["relatedLocations"][0]["physicalLocation"]
        assert code["artifactLocation"]["uri"] == "mechproof/rewrites/published/sub_cubic.py"
        assert 0 < code["region"]["startLine"] < code["region"]["endLine"]


def test_weights_beyond_all_doubles_are_findings(tmp_path):
    """Tables that no double holds: nothing crashes, the entries that are no numbers are told, and the JSON is JSON."""
    huge = np.full((4, 4), 1e300)
    network = small(tmp_path, 1, 1.0, W_V=huge, W_O=huge)
    found = audit(network, [published(name) for name in ("exact/drop/EQKE", "brute-force")], ONE)
    json.dumps(found.as_json(), allow_nan=False)
    for one in found.audits:
        assert sum(step.not_numbers for run in one.runs for step in run.steps) > 0


def test_scores_beyond_all_enclosures_skip_the_verifier(tmp_path):
    """Where the truth cannot be counted the brute force is skipped, with the reason, and others are audited."""
    network = small(tmp_path, 1, 1.0, W_Q=np.full((4, 4), 1e30), W_K=np.full((4, 4), 1e30))
    found = audit(network, [published("brute-force"), published("exact/drop/EQKE")], ("float64",))
    brute, other = found.audits
    assert not brute.bounds and brute.runs[0].skipped and other.runs


def bound(**changes) -> BoundAudit:
    """What float32 says of 27 inputs, by a verifier of one's own."""
    return replace(BoundAudit("own", "float32", 11, 27, 16, 8), **changes)


def audited(*bounds: BoundAudit, skipped: str = "") -> Audit:
    runs = (RunErrors(Setting("float32"), skipped=skipped),)
    return Audit("net.npz", (VerifierAudit("own", bounds, runs, 0, 0, 0),))


CELLS = {
    Verdict.false: CellFinding((0, 2, 2), 1, -0.3, 0.1, True, False, Witness((0, 2, 0), 0, (0, 2, 0))),
    Verdict.not_implied: CellFinding((0, 2, 2), 1, -0.3, 0.1, False, False, None),
    Verdict.widened: CellFinding((0, 2, 2), 1, -0.3, 0.1, True, False, None),
}


@pytest.mark.parametrize(
    ("verdicts", "heading"),
    [
        ([Verdict.holds], "s HOLDS 1 bound audited: 1 HOLDS"),
        ([Verdict.holds, Verdict.not_implied], "s NOT IMPLIED 2 bounds audited: 1 NOT IMPLIED, 1 HOLDS"),
        ([Verdict.widened, Verdict.holds], "s HOLDS AFTER WIDENING 2 bounds audited: 1 HOLDS AFTER WIDENING, 1 HOLDS"),
        ([Verdict.not_implied, Verdict.false], "s DOES NOT HOLD 2 bounds audited: 1 FALSE, 1 NOT IMPLIED"),
        ([], "s NOT AUDITED 0 bounds audited: own gave none: it is too much"),
    ],
)
def test_the_heading_says_no_more_than_was_found(verdicts, heading):
    """A bound that is NOT IMPLIED may be right, so only FALSE "does not hold"; where nothing was audited, why."""
    bounds = [bound(findings=(CELLS[verdict],) if verdict in CELLS else ()) for verdict in verdicts]
    found = audited(*bounds, skipped="" if verdicts else "it is too much")
    assert [one.verdict for one in found.bounds] == verdicts
    assert reporting.verdict_line(found) == heading
    assert found.holds == (verdicts == [Verdict.holds])
    assert reporting.as_json(found)["line"] == heading


def test_a_verifier_without_a_bound_is_in_the_heading_of_the_others():
    """That the others hold is not that everything asked for does."""
    both = replace(audited(bound()), audits=(*audited(bound()).audits, *audited(skipped="too much").audits))
    assert reporting.verdict_line(both) == "s NOT AUDITED 1 bound audited: 1 HOLDS; own gave none: too much"
    assert not both.holds


def test_the_legend_stands_in_every_format(data, tmp_path):
    """Each verdict that occurs, and each column, has its meaning on the terminal, in transcripts, JSON and SARIF."""
    weights, files = data / "unsound_averaging" / "cell_v3_k3.npz", ["--sarif", str(tmp_path / "a.sarif")]
    options = ["--strategy", "mean/mean/EQKE", "--strategy", "brute-force", "--budget", "3", "--dtype", "float32"]
    done = CliRunner().invoke(app, ["audit", str(weights), *options, "--quiet", *files, "--out", str(tmp_path)])
    terminal = " ".join(done.stdout.split())
    assert f"FALSE means: {LEGEND['FALSE']}" in terminal and "says: how many sequences" in terminal
    assert done.stdout.splitlines()[-1].startswith("s DOES NOT HOLD 1 bound audited: 1 FALSE; brute-force gave none: ")
    assert "budget is 3 sequences" in done.stdout.splitlines()[-1]
    (run,) = json.loads((tmp_path / "a.sarif").read_text("utf-8"))["runs"]
    assert run["properties"]["legend"] == LEGEND and run["properties"]["status"] == "DOES NOT HOLD"
    (rule,) = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "false-bound"]
    assert rule["fullDescription"]["text"] == LEGEND["FALSE"]
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert run["artifacts"] == [{"location": {"uri": "cell_v3_k3.npz"}, "hashes": {"sha-256": digest}}]
    told = {suffix: (tmp_path / f"cell_v3_k3.{suffix}").read_text("utf-8") for suffix in ("md", "html", "tex")}
    for text in told.values():
        assert all(" ".join(meaning.partition("<")[0].split()) in " ".join(text.split()) for meaning in LEGEND.values())
        assert digest in re.sub(r"\\allowbreak\W|[^0-9a-f]", "", text)
    assert set(LEGEND) >= {str(verdict) for verdict in Verdict}
    columns = {*reporting.BOUND_COLUMNS, *reporting.STEP_COLUMNS, *reporting.RUN_COLUMNS}
    assert columns - set(LEGEND) == {"verifier", "type", "verdict", "step", "run"}
