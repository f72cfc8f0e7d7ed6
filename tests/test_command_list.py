"""The list of commands: what it says of each, and that looking at it loads nothing else."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest

import mechproof
import mechproof.engine.errors
from mechproof.__main__ import COMMANDS, loaded
from mechproof.engine.graph_export import FORMATS
from mechproof.models.float_statement import EXP_ULPS
from mechproof.rewrites.commands.search import GOALS
from mechproof.rewrites.strategies import DEFAULTS
from mechproof.rewrites.strategies.search.goal_names import KNOWN

HEAVY = {"sympy", "networkx", "matplotlib", "torch"}
LIBRARIES = HEAVY | {"numpy", "flint", "lark", "safetensors", "jinja2"}
PROGRAM = """
import sys, json
from mechproof.__main__ import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported(*arguments: str, **environment: str) -> set[str]:
    """The top-level modules that are loaded when the command line is done."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True, env=environment or None
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_looking_at_the_list_loads_nothing_heavy(arguments):
    """Version and help come at once: none of the libraries that proofs need is loaded for them."""
    assert imported(*arguments) & LIBRARIES == set()


def test_help_of_a_command_loads_nothing_heavy():
    """What a command needs it loads when it runs: after the help of all of them, one after the other, none of it is
    there."""
    program = f"""
import sys, json
from mechproof.__main__ import main
for name in {list(COMMANDS)}:
    sys.argv = ["mechproof", name, "--help"]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, (name, stop.code)
    heavy = sorted(set({sorted(HEAVY)}) & sys.modules.keys())
    assert not heavy, (name, heavy)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("Usage") == len(COMMANDS), done.stderr


def test_the_list_says_what_the_command_says():
    """The list's line is the first sentence of the command's own help."""
    for name, (_, summary) in COMMANDS.items():
        assert " ".join(str(loaded(name).help).split()).startswith(summary), name


def test_a_shell_completes_commands_and_strategies():
    """bash, as one example, is told the names."""

    def completed(line: str) -> list[str]:
        environment = {"_MECHPROOF_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        program = "from mechproof.__main__ import main; main()"
        command = [sys.executable, "-c", f"import sys; sys.argv = ['mechproof']; {program}"]
        return subprocess.run(command, capture_output=True, text=True, env=environment).stdout.split()

    assert completed("mechproof pro") == ["prove"]
    assert completed("mechproof prove m.npz --strategy sep") == ["separable"]
    assert "subcubic/exact/chord/EQKE" in completed("mechproof prove m.npz --strategy subcubic/exact/ch")


def test_what_help_says_is_so():
    """Commands state defaults and choices without loading what they are about."""
    assert ", ".join(KNOWN) == GOALS
    options = {option.name: option for option in loaded("prove").params}
    assert options["strategy"].default is inspect.signature(mechproof.prove).parameters["strategy"].default is None
    assert f"(default {EXP_ULPS})" in options["exp_ulps"].help
    assert f"(default {DEFAULTS.grid})" in options["grid"].help
    assert f"(default {DEFAULTS.minimise})" in options["minimise"].help
    (form,) = (option for option in loaded("graph").params if option.name == "form")
    assert form.help == f"text, {', '.join(FORMATS)}."


def test_the_public_names_are_there():
    """``mechproof.MechproofError`` is what to catch; names that are loaded later are listed and found."""
    assert issubclass(mechproof.engine.errors.MagnitudeError, mechproof.MechproofError)
    for name in mechproof.__all__:
        assert getattr(mechproof, name).__module__.startswith("mechproof")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        mechproof.nothing  # noqa: B018
