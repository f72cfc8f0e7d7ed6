"""Every failure of the checker is a verdict: attacks that once were exceptions, and exceptions planted behind it."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import pytest

from mechproof.engine.checker import check, command, errors, rule, shards, verdict
from mechproof.engine.checker.errors import Code, Failure
from mechproof.engine.checker.one_layer import counts


class Unspeakable(Exception):
    """An exception that cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no words")


PLANTED = [
    IndexError("tuple index out of range"),
    RecursionError("maximum recursion depth exceeded"),
    MemoryError(),
    OverflowError("too large to convert"),
    ZeroDivisionError("division by zero"),
    AssertionError(),
    SystemExit(0),
    Unspeakable(),
]
PLACES = [
    (verdict, "read_bytes"),
    (verdict, "read_certificate"),
    (verdict, "read_description"),
    (verdict, "read_task"),
    (rule, "statement_hash"),
    (verdict, "check_proof"),
    (verdict, "proved"),
    (verdict, "describe"),
    (counts, "judged"),
    (counts, "check_count"),
]


def plant(monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str], error: BaseException, times: int = 1) -> None:
    """The function raises the error the first so many times that it is called."""
    module, name = place
    honest = getattr(module, name)
    left = [error] * times

    def planted(*arguments: Any, **options: Any) -> Any:
        if left:
            raise left.pop()
        return honest(*arguments, **options)

    monkeypatch.setattr(module, name, planted)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
@pytest.mark.parametrize("error", PLANTED, ids=lambda error: type(error).__name__)
def test_a_planted_exception_is_refused(
    emitter: Any, judge: Any, small: Any, monkeypatch: pytest.MonkeyPatch, place: Any, error: BaseException
) -> None:
    """Whatever is raised, wherever: REFUSED with a code of its own that names it, on one line."""
    certificate = emitter.tree_certificate(small)
    if place[1] == "describe":
        certificate["relation"]["right_low"] = certificate["relation"]["right_high"] = "0x40"
    plant(monkeypatch, place, error)
    found = judge(small, certificate)
    assert (found.status, found.exit_code, found.code) == ("REFUSED", 1, "E245")
    assert found.line.startswith(f"s REFUSED E245 the check broke off: {type(error).__name__}")
    assert "\n" not in found.line
    assert judge(small, emitter.tree_certificate(small)).status == "VERIFIED"


@pytest.mark.parametrize("error", PLANTED, ids=lambda error: type(error).__name__)
def test_a_planted_exception_in_a_worker_is_refused(
    emitter: Any, judge: Any, small: Any, monkeypatch: pytest.MonkeyPatch, capfd: Any, error: BaseException
) -> None:
    """With several processes the verdict is the same, nothing else is printed, and no process is left behind."""
    plant(monkeypatch, (counts, "judged"), error, times=1000)
    alone, shared = (judge(small, emitter.tree_certificate(small), jobs=jobs) for jobs in (1, 3))
    assert alone == shared
    assert shared.code == "E245"
    assert capfd.readouterr() == ("", "")
    assert multiprocessing.active_children() == []


def test_a_process_that_cannot_be_started_is_refused(
    emitter: Any, judge: Any, small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the system gives no more processes; those that run already are ended."""
    start = shards.BaseProcess.start
    started = []

    def limited(process: Any) -> None:
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        start(process)
        started.append(process)

    monkeypatch.setattr(shards.BaseProcess, "start", limited)
    found = judge(small, emitter.tree_certificate(small), jobs=3)
    assert (found.status, found.code) == ("REFUSED", "E245")
    assert "Resource temporarily unavailable" in found.line
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("place", [*PLACES, (command, "check"), (command, "parser")], ids=lambda place: place[1])
def test_an_interrupt_is_no_verdict(
    emitter: Any, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any
) -> None:
    """Ctrl-C ends the check, in the library and in the command."""
    certificate = emitter.tree_certificate(small)
    if place[1] == "describe":
        certificate["relation"]["right_low"] = certificate["relation"]["right_high"] = "0x40"
    (tmp_path / "certificate.json").write_bytes(emitter.text(certificate))
    weights = emitter.write(small, tmp_path)
    for run in (
        lambda: check(tmp_path / "certificate.json", weights),
        lambda: command.main([str(tmp_path / "certificate.json"), "--weights", str(weights)]),
    )[place[0] is command :]:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            plant(patch, place, KeyboardInterrupt())
            run()


@pytest.mark.parametrize(
    "place", [(command, "check"), (command, "parser"), (verdict.Verdict, "as_json")], ids=lambda place: place[1]
)
def test_a_planted_exception_in_the_command_is_refused(
    emitter: Any, small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, place: Any
) -> None:
    """The command has a catch-all of its own, around the options and the printing."""
    (tmp_path / "certificate.json").write_bytes(emitter.text(emitter.tree_certificate(small)))
    weights = emitter.write(small, tmp_path)
    plant(monkeypatch, place, RecursionError("deep"))
    assert command.main([str(tmp_path / "certificate.json"), "--weights", str(weights), "--json"]) == 1
    assert capsys.readouterr() == ("s REFUSED E245 the check broke off: RecursionError (deep)\n", "")


ATTACKS = [
    # one row for the strengths of all queries, in a chain of bounds of which the checker knows nothing any more
    ("rankone.json", "rankone_weights.safetensors", "REFUSED E210 derivation 3: unknown rule split_range/1"),
    # 59 conjunctions of "for all", and 298 times .T
    ("deep_conj59T298.json", "n0_weights.safetensors", "MALFORMED E116 the claim, character 860: more than 60 levels"),
    # "for all s in 1..0", and a false statement
    ("vac0.json", "rankone_weights.safetensors", "REFUSED E291 the claim: accuracy has no meaning here"),
    # "for all q, q < 0", and names that do not exist
    ("vac1.json", "rankone_weights.safetensors", "REFUSED E291 the claim: nonsense(...) has no meaning here"),
]


@pytest.mark.parametrize(("certificate", "weights", "line"), ATTACKS, ids=[name for name, *_ in ATTACKS])
def test_attacks(data: Path, certificate: str, weights: str, line: str) -> None:
    """Certificates that raised exceptions, or were verified and say nothing: refused for their cause."""
    found = check(data / "attacks" / certificate, data / "attacks" / weights)
    assert found.line.startswith(f"s {line}")


def test_lines_are_short(emitter: Any, judge: Any, small: Any) -> None:
    """A million premises, and a name that is 100,000 characters long: one line of a few hundred characters each."""
    certificate = emitter.tree_certificate(small)
    certificate["derivations"][1]["premises"] = [0] * 1_000_000
    found = judge(small, certificate)
    assert (found.code, len(found.line) < 500) == ("E211", True)
    long = check("x" * 100_000, "w" * 100_000)
    assert (long.code, len(long.line) < 500) == ("E101", True)


def test_every_value_is_shown_in_a_line() -> None:
    """Whatever data a failure carries, its sentence is printable ASCII of bounded length."""
    for value in (
        "ß" * 10**6,
        -(1 << 10**6),
        ("a" * 50,) * 10**5,
        [1] * 10**6,
        None,
        "\U0001f600" * 199,
        (1 << 600,) * 9,
    ):
        line = errors.describe(Code.E216, {"id": 1, "rule": "r", "what": value, "stated": value, "own": value})
        assert len(line) < 800
        assert line.isascii()
        assert line.isprintable()


def test_failures_of_workers_are_those_of_one_process() -> None:
    """The smallest item that any process reached names the failure; sums are those of one process."""

    def count(item: int) -> tuple[int, int]:
        if item in (5, 7):
            raise Failure(Code.E213, id=item)
        return item, 1

    assert shards.in_shards(count, 5, 4) == shards.in_shards(count, 5, 1) == (10, 5)
    assert shards.in_shards(count, 0, 4) == (0, 0)
    with pytest.raises(Failure) as caught:
        shards.in_shards(count, 9, 3)
    assert caught.value.data == {"id": 5}
    assert multiprocessing.active_children() == []
    assert sys.getrecursionlimit() >= 1000
