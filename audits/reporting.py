"""An audit as tables for a terminal of 80 columns, as a transcript, and as SARIF 2.1.0."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from math import isfinite
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from ..engine.transcript import Block, Code, Document, Listing, Paragraph, Prose, Section, Strong, Text
from ..engine.transcript import Table as DocumentTable
from ..rewrites.published import brute_force, cubic, sub_cubic
from .findings import BoundAudit, Verdict, VerifierAudit
from .legend import LEGEND, NOT_AUDITED, VERDICTS, explained
from .loss import published_bound
from .network_audit import Audit, LossAudit
from .run_errors import StepError
from .runs import Setting

CODE: dict[str, Callable[..., Any]] = {
    "cubic": cubic.replay,
    "brute-force": brute_force.run,
    "loss": published_bound,
}
# A weights file has no lines: a result is about all of it.
WHOLE = {"byteOffset": 0}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RULES = {
    Verdict.false: ("false-bound", "A float verification certifies a false statement.", "error"),
    Verdict.not_implied: ("not-implied", "A certified cell does not follow from its own relaxation.", "warning"),
    Verdict.widened: ("float-error", "A bound rests on float error.", "warning"),
}
BELOW_TRUTH = ("bound-below-truth", "A claimed upper bound lies below the truth.", "warning")
SKIPPED = ("skipped", "A float type was not replayed.", "note")
NOT_A_NUMBER = ("not-a-number", "A step of a replay is NaN or infinite.", "warning")
STRAYED = ("another-quantity", "A step is not the quantity of the network that it stands for.", "warning")
LOST = ("right-called-wrong", "A sequence that is right is called wrong.", "warning")
FLIPPED = ("flipped-comparison", "A comparison that exact arithmetic decides otherwise.", "warning")
UNCERTAIN = ("uncertain-comparison", "A comparison that value and a-priori bound of its error leave open.", "note")
BEYOND = ("beyond-bound", "An error above its a-priori bound: this machine does not compute as assumed.", "error")
BOUND_COLUMNS = ("verifier", "type", "verdict", "says", "cells", "false", "open", "float")
STEP_COLUMNS = ("step", "error", "bound", "ratio", "ulps", "side", "zero", "one", "NaN")
MANY = 32
RUN_COLUMNS = ("run", "says", "cells", "flipped", "certain", "uncertain")


def _bound_row(bound: BoundAudit) -> tuple[str, ...]:
    numbers = (bound.count, bound.cells, bound.false_cells, len(bound.not_implied), len(bound.by_floats))
    return (bound.verifier, bound.dtype, str(bound.verdict), *map(str, numbers))


def _step_row(step: StepError) -> tuple[str, ...]:
    counts = (step.wrong_side, step.vanished, step.saturated, step.not_numbers)
    bound, ratio = (f"{number:.1e}" if isfinite(number) else "-" for number in (step.apriori, step.ratio))
    return (step.step, f"{step.absolute:.1e}", bound, ratio, f"{step.ulps:.1e}", *map(str, counts))


def _run_rows(audit: VerifierAudit) -> list[tuple[str, ...]]:
    return [
        (str(run.setting), "skipped", "", "", "", "")
        if run.skipped
        else (str(run.setting), *map(str, (run.count, run.cells, run.flipped, run.certain, run.uncertain)))
        for run in audit.runs
    ]


def tables(audit: Audit) -> list[Table]:
    """Verdicts, of many only those that do not hold; for a single verifier also its steps, by float type, and runs."""
    many = len(audit.bounds) > MANY
    shown = [bound for bound in audit.bounds if not (many and bound.verdict is Verdict.holds)]
    title = f"audit of {audit.network}" + (f": bounds other than {Verdict.holds}" if many else "")
    found = [_table(title, BOUND_COLUMNS, [_bound_row(bound) for bound in shown])]
    if len(audit.audits) == 1:
        (one,) = audit.audits
        for bound in one.bounds:
            rows = [_step_row(step) for step in one.worst(bound.dtype)]
            found.append(_table(f"largest errors, {bound.dtype}", STEP_COLUMNS, rows))
        found.append(_table("runs", RUN_COLUMNS, _run_rows(one)))
    return [table for table in found if table.rows]


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, caption=explained(columns), box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.caption_justify = "left"
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place and column not in ("type", "verdict") else "left")
    for row in rows:
        table.add_row(*row)
    return table


def lines(audit: Audit) -> list[str]:
    """A sentence for every bound that does not simply hold, and what was not done."""
    found = [
        one.sentence()
        for one in (*audit.bounds, *audit.losses)
        if one.verdict is not Verdict.holds or (isinstance(one, BoundAudit) and one.lost)
    ]
    return found + [f"skipped {reason}" for reason in audit.skipped]


def status(audit: Audit) -> str:
    """The worst that was found; NOT IMPLIED is not "does not hold", for the number may be right."""
    worst = next((verdict for verdict in Verdict if verdict in audit.verdicts), None)
    if worst is Verdict.false:
        return "DOES NOT HOLD"
    if worst is None or (audit.without and worst is not Verdict.not_implied):
        return NOT_AUDITED
    return str(worst)


def verdict_line(audit: Audit) -> str:
    """The line that scripts look for; where a verifier gave no bound, why."""
    every = audit.verdicts
    counts = ", ".join(f"{every.count(verdict)} {verdict}" for verdict in Verdict if verdict in every)
    found = "; ".join([counts] * bool(counts) + [*audit.without])
    return f"s {status(audit)} {len(every)} bound{'s' * (len(every) != 1)} audited: {found}"


def as_json(audit: Audit) -> dict[str, Any]:
    """The audit with the verdict line and the legend."""
    return {"status": status(audit), "line": verdict_line(audit), "legend": LEGEND} | audit.as_json()


def closing(audit: Audit) -> list[str]:
    """For a terminal: what the verdicts mean that occur, and where the report comes from."""
    words = (status(audit), *(str(verdict) for verdict in Verdict if verdict in audit.verdicts))
    meanings = [f"{word} means: {LEGEND[word]}" for word in dict.fromkeys(words)]
    return meanings + (audit.provenance.lines() if audit.provenance is not None else [])


def document(audit: Audit) -> Document:
    """The transcript."""
    blocks: list[Block] = [
        Paragraph(
            (
                Text(
                    "Each bound below was computed in floats by a published algorithm, which is replayed here with its "
                    "own advice. Beside every step stand the exact values of the same formula; every certified cell is "
                    "decided by what its own relaxation gives in exact arithmetic."
                ),
            )
        ),
        DocumentTable(_cells(BOUND_COLUMNS), tuple(_cells(_bound_row(bound)) for bound in audit.bounds)),
        Listing(tuple((Paragraph((Text(line),)),) for line in lines(audit))),
    ]
    blocks += [_section(one) for one in audit.audits]
    words = tuple((Paragraph((Strong((Text(word),)), Text(f": {text}."))),) for word, text in LEGEND.items())
    blocks.append(Section("What the words mean", (Listing(words),)))
    if audit.provenance is not None:
        blocks.append(audit.provenance.section())
    return Document(f"Audit of {audit.network}", verdict_line(audit), tuple(blocks))


def _section(audit: VerifierAudit) -> Section:
    blocks: list[Block] = []
    for bound in audit.bounds:
        rows = tuple(_cells(_step_row(step)) for step in audit.worst(bound.dtype))
        blocks.append(DocumentTable(_cells(STEP_COLUMNS), rows, caption=(Text(f"Largest errors, {bound.dtype}"),)))
        found = [
            f"cell {one.cell} with gap {one.gap}: claimed {one.claimed:.6g}, relaxation up to {one.excess:.6g}"
            + ("; floats are to blame" if one.by_floats else "")
            + ("; would follow if the claimed noise bounded the truth" if one.if_noise_held else "")
            + (f"; wrong on {one.witness.tokens}" if one.witness else "")
            for one in bound.findings
        ]
        found += [f"{one.step}: too small in {one.rows} rows, by up to {one.amount:.3g}" for one in bound.missing]
        blocks += [Listing(tuple((Paragraph((Text(line),)),) for line in found))] if found else []
    blocks.append(DocumentTable(_cells(RUN_COLUMNS), tuple(map(_cells, _run_rows(audit))), caption=(Text("Runs"),)))
    return Section(audit.verifier, tuple(blocks))


def _cells(row: tuple[str, ...]) -> tuple[Prose, ...]:
    return tuple((Code(cell) if place == 0 else Text(cell),) for place, cell in enumerate(row))


def sarif(audit: Audit, version: str) -> dict[str, Any]:
    """SARIF 2.1.0: one result for every finding, at the weights' file and the verifier's step."""
    found: list[tuple[tuple[str, str, str], str, str]] = []
    for bound in audit.bounds:
        place = f"{bound.verifier}/{bound.dtype}"
        if bound.verdict in RULES:
            found.append((RULES[bound.verdict], place, bound.sentence()))
        found += [
            (
                BELOW_TRUTH,
                f"{place}/{one.step}",
                f"{one.step} is too small in {one.rows} rows, by up to {one.amount:.3g}",
            )
            for one in bound.missing
        ]
        found += [(STRAYED, f"{place}/{one.step}", one.sentence()) for one in bound.strays]
        if bound.lost:
            found.append((LOST, place, bound.losses()))
    for one in audit.audits:
        for run in one.runs:
            place = f"{one.verifier}/{run.setting}"
            if run.skipped:
                found.append((SKIPPED, place, run.skipped))
            if run.flipped:
                found.append((FLIPPED, place, f"{run.flipped} comparisons L < 0 flip against exact arithmetic"))
            if run.uncertain and run.setting == Setting(run.setting.dtype):
                every = run.certain + run.uncertain
                says = f"{run.uncertain} of {every} comparisons L < 0 are not certified, nor {run.branches} before them"
                found.append((UNCERTAIN, place, says))
            found += [
                (BEYOND, f"{place}/{step.step}", f"{step.beyond} errors are above their a-priori bound")
                for step in run.steps
                if step.beyond
            ]
            found += [
                (NOT_A_NUMBER, f"{place}/{step.step}", f"{step.not_numbers} entries are NaN or infinite")
                for step in run.steps
                if step.not_numbers
            ]
    found += [(RULES[loss.verdict], f"loss/{loss.dtype}", loss.sentence()) for loss in _bad(audit.losses)]
    rules = sorted({rule for rule, _, _ in found})
    made = audit.provenance.weights if audit.provenance is not None else ()
    meanings = {rule[0]: VERDICTS[verdict] for verdict, rule in RULES.items()}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mechproof",
                        "version": version,
                        "rules": [
                            {
                                "id": name,
                                "shortDescription": {"text": text},
                                "fullDescription": {"text": meanings.get(name, text)},
                                "defaultConfiguration": {"level": level},
                            }
                            for name, text, level in rules
                        ],
                    }
                },
                "artifacts": [{"location": {"uri": one.file}, "hashes": {"sha-256": one.sha256}} for one in made],
                "properties": {
                    "status": status(audit),
                    "legend": LEGEND,
                    "provenance": audit.provenance and audit.provenance.as_json(),
                },
                "results": [
                    {
                        "ruleId": rule[0],
                        "ruleIndex": rules.index(rule),
                        "level": rule[2],
                        "message": {"text": text},
                        "locations": [
                            {
                                "physicalLocation": {"artifactLocation": {"uri": audit.network}, "region": WHOLE},
                                "logicalLocations": [{"fullyQualifiedName": place}],
                            }
                        ],
                        "relatedLocations": [_code(place)],
                    }
                    for rule, place, text in found
                ],
            }
        ],
    }


def _code(place: str) -> dict[str, Any]:
    """The lines of the replay that a result is about."""
    function = next((code for name, code in CODE.items() if place.startswith(name)), sub_cubic.replay)
    lines, start = inspect.getsourcelines(function)
    uri = "/".join(("mechproof", *function.__module__.removeprefix("mechproof.").split("."))) + ".py"
    region = {"startLine": start, "endLine": start + len(lines) - 1}
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}


def _bad(losses: tuple[LossAudit, ...]) -> list[LossAudit]:
    return [loss for loss in losses if loss.verdict in RULES]
