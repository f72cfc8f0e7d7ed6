"""Which files are the stages of one run, and at which steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from mechproof.models.one_layer import one_layer_of
from mechproof.models.training import Recipe, provenance
from mechproof.models.training.network import shapes
from mechproof.stages.checkpoints import NoCheckpoints, OtherRun, StepTwice, StepUnknown, read

RECIPE = Recipe(n_ctx=2, d_vocab=3, d_model=2)


def write(path: Path, step: int | None = None, recipe: Recipe = RECIPE) -> Path:
    arrays = {name: np.full(shape, 0.5, dtype="float32") for name, shape in shapes(recipe).items()}
    told = None if step is None else {"mechproof.recipe": json.dumps(recipe.as_json() | {"taken_at_step": step})}
    path.write_bytes(save(arrays, told))
    return path


def test_a_folder_in_the_order_of_steps(tmp_path):
    """The recipe's step counts, whatever the files are called; other files are no checkpoints."""
    for name, step in (("a", 900), ("b_step1", 20), ("c", 0)):
        write(tmp_path / f"{name}.safetensors", step)
    (tmp_path / "notes.txt").write_text("nothing")
    assert [step for step, _ in read([tmp_path])] == [0, 20, 900]
    assert one_layer_of(read([tmp_path])[0][1]).d_vocab == 3


def test_names_tell_the_step_where_files_do_not(tmp_path):
    """As in net_step250 and step_30; anything else is refused by name."""
    files = [write(tmp_path / f"{name}.safetensors") for name in ("net_step250", "step_30")]
    assert [step for step, _ in read(files)] == [30, 250]
    assert provenance(files[0]) is None
    with pytest.raises(StepUnknown, match=r"final\.safetensors"):
        read([write(tmp_path / "final.safetensors")])


def test_other_runs_and_repeated_steps_are_refused(tmp_path):
    """Two seeds are not one run, and two files of one step are not two stages."""
    first = write(tmp_path / "a.safetensors", 5)
    with pytest.raises(StepTwice, match=r"both of step 5"):
        read([first, write(tmp_path / "b_step5.safetensors")])
    with pytest.raises(OtherRun, match=r"c\.safetensors: .* as a\.safetensors"):
        read([first, write(tmp_path / "c.safetensors", 6, Recipe(n_ctx=2, d_vocab=3, d_model=2, seed=9))])


def test_an_empty_folder_is_refused(tmp_path):
    """Nothing to prove is said, not shown as an empty table."""
    with pytest.raises(NoCheckpoints, match="no safetensors file"):
        read([tmp_path])
