"""The command line of the checker."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from .budget import DEFAULT_STEPS
from .errors import Code, Failure
from .verdict import TASK, Verdict, broken_off, check, failed

DESCRIPTION = """\
Check a mechproof certificate. The certificate says how many inputs a trained network answers right, or how large
its mean loss is, or that a claim about it holds, and why.
Nothing in it is believed: the statement is recomputed from the weights file that you give, with exact integer
arithmetic, and every step of the proof is replayed. Needs nothing but Python."""

EPILOG = """\
The first line of output is the verdict, and the exit code says the same:
  0  s VERIFIED accuracy = n/N sha256:...   (or: accuracy >= n/N, accuracy in [n1/N, n2/N],
                           loss in [a, b], claim holds: TEXT, claim fails: TEXT)
  1  s REFUSED E2xx ...    well formed, but it does not prove what it says about these weights
  2  s MALFORMED E1xx ...  not a certificate, not a weights file, or wrong usage
The sha256 is that of the statement: exact weights, architecture and task; equal numbers give an equal hash."""


HELP = (["--help"], ["-h"])


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing, so that wrong usage gets a verdict line like everything else."""

    def error(self, message: str) -> NoReturn:
        raise Failure(Code.E100, problem=message)


class Once(argparse.Action):
    """An option that may be given once: the shell may have put in a file's name that reads like one."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if option in namespace.given:
            raise Failure(Code.E100, problem=f"{option} is given twice")
        namespace.given.add(option)
        setattr(namespace, self.dest, values)


def parser() -> Parser:
    """The options. ``--help`` is none of them, see :func:`main`."""
    options = Parser(
        prog="mechproof-checker",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    options.add_argument("certificate", metavar="CERTIFICATE", help="the certificate.json to check")
    weights_help = "your own copy of the weights (.safetensors, .npz, or a network file .toml)"
    options.add_argument("--weights", action=Once, required=True, metavar="FILE", help=weights_help)
    task_help = "what the network is for: a name with parameters, or a task file (default: %(default)s)"
    options.add_argument("--task", action=Once, default=TASK, help=task_help)
    config_help = "the TransformerLens configuration of a checkpoint"
    options.add_argument("--config", action=Once, default=None, metavar="JSON", help=config_help)
    jobs_help = "number of processes (default 1)"
    options.add_argument("--jobs", action=Once, type=int, default=1, metavar="N", help=jobs_help)
    options.add_argument(
        "--budget",
        action=Once,
        type=int,
        default=DEFAULT_STEPS,
        metavar="STEPS",
        help="give up (E242) after so many steps, about a microsecond each, in a process (default %(default)s)",
    )
    options.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    return options


def run(arguments: Sequence[str]) -> Verdict:
    """The verdict for these arguments."""
    try:
        given = parser().parse_args(arguments, argparse.Namespace(given=set()))
    except Failure as failure:
        return failed(failure.code, failure.data)
    return check(given.certificate, given.weights, given.task, given.jobs, given.budget, config=given.config)


def printed(arguments: Sequence[str]) -> tuple[str, int]:
    """What to print, and the exit code: the verdict, whatever is raised on the way (but an interrupt by the keyboard).

    Help exits 0, as VERIFIED does. So it is asked for by ``--help`` alone, which checks nothing; beside other arguments
    it may be a file that the shell put in, and is wrong usage.
    """
    if arguments in HELP:
        return parser().format_help(), 0
    try:
        verdict = run(arguments)
        return json.dumps(verdict.as_json()) if "--json" in arguments else verdict.text, verdict.exit_code
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        verdict = broken_off(error)
        return verdict.line, verdict.exit_code


def main(arguments: Sequence[str]) -> int:
    """Print the verdict and return the exit code; a verdict that cannot be written is E246, on standard error."""
    text, exit_code = printed(list(arguments))
    try:
        print(text.rstrip("\n"), flush=True)
    except OSError as error:
        # what is left in the buffer must not fail again when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        verdict = failed(Code.E246, {"reason": error.strerror})
        print(verdict.line, file=sys.stderr)
        return verdict.exit_code
    return exit_code
