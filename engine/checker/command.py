"""The command line of the checker."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import NoReturn

from .budget import DEFAULT_STEPS
from .errors import Code, Failure
from .statement import TASK
from .verdict import Verdict, check, failed

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


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of printing, so that wrong usage gets a verdict line like everything else."""

    def error(self, message: str) -> NoReturn:
        raise Failure(Code.E100, problem=message)


def parser() -> Parser:
    """The options."""
    options = Parser(
        prog="mechproof-checker",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument("certificate", metavar="CERTIFICATE", help="the certificate.json to check")
    weights_help = "your own copy of the weights (.safetensors or .npz)"
    options.add_argument("--weights", required=True, metavar="FILE", help=weights_help)
    options.add_argument("--task", default=TASK, help="what the network is for (default and only task: %(default)s)")
    options.add_argument("--jobs", type=int, default=1, metavar="N", help="number of processes (default 1)")
    options.add_argument(
        "--budget",
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
        given = parser().parse_args(arguments)
    except Failure as failure:
        return failed(failure.code, failure.data)
    return check(given.certificate, given.weights, given.task, given.jobs, given.budget)


def main(arguments: Sequence[str]) -> int:
    """Print the verdict and return the exit code."""
    verdict = run(arguments)
    print(json.dumps(verdict.as_json()) if "--json" in arguments else verdict.text.rstrip("\n"))
    sys.stdout.flush()
    return verdict.exit_code
