"""The recipe as data: published defaults, derived seeds, refusals. Needs no torch."""

import json
import subprocess
import sys

import pytest

from mechproof.models.training import BadRecipe, Recipe, reseed


@pytest.mark.parametrize(
    ("seed", "model", "dataset"),
    [(50, 736526336, 1372813824), (104, 4180624640, 365277440), (123, 613947648, 1914904320)],
)
def test_reseed_gives_the_published_seeds(seed, model, dataset):
    """Protects the seed derivation: the stored tables of the reference runs list these values."""
    assert (reseed(seed, "model"), reseed(seed, "dataset_seed")) == (model, dataset)


def test_training_data_seed_goes_through_the_dataset_seed():
    """Protects the two-level derivation of the data generator's seed."""
    assert Recipe(seed=123).train_seed == 3402695680
    assert reseed(reseed(123, "dataset_seed"), "test") == 3741094656


def test_defaults_are_the_published_max_of_4_recipe():
    """Protects the published hyper-parameters against drift."""
    assert Recipe().as_json() == {
        "n_ctx": 4, "d_vocab": 64, "d_model": 32, "d_head": 32, "seed": 123, "steps": 3000, "batch": 128,
        "lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01,
    }  # fmt: skip


def test_recipe_is_json_and_its_name_tells_the_shape():
    """Protects metadata and file names: both must survive a round trip through text."""
    recipe = Recipe(n_ctx=3, d_vocab=7, d_model=8, d_head=2, seed=9)
    assert json.loads(json.dumps(recipe.as_json())) == recipe.as_json()
    assert recipe.name == "max_of_3_v7_d8_h2_seed9"
    assert Recipe(n_ctx=3, d_vocab=7, d_model=8, d_head=8, seed=9).name == "max_of_3_v7_d8_seed9"


@pytest.mark.parametrize(
    ("field", "value"),
    [("n_ctx", 0), ("d_vocab", -1), ("d_model", 0), ("d_head", 0), ("batch", 0), ("steps", -1), ("lr", 0.0),
     ("betas", (0.9, 1.0)), ("eps", -1e-8), ("weight_decay", -0.1)],
)  # fmt: skip
def test_a_number_out_of_range_is_refused_by_name(field, value):
    """Protects users from a crash deep inside torch."""
    with pytest.raises(BadRecipe) as caught:
        Recipe(**{field: value})
    assert caught.value.field == ("head_width" if field == "d_head" else field)
    assert repr(value) in str(caught.value)


def test_importing_the_package_does_not_import_torch():
    """Protects start-up time: the command line imports this package for every command."""
    program = "import sys, mechproof.models.training; print('torch' in sys.modules)"
    assert _run(program) == "False"


def test_without_torch_training_says_what_to_install():
    """Protects users without torch from a bare ModuleNotFoundError."""
    program = """
import sys
sys.modules["torch"] = None
from mechproof.models.training import Recipe, TorchMissing, train
try:
    train(Recipe(steps=1))
except TorchMissing as error:
    print(error)
"""
    assert _run(program) == "training needs torch, which is not installed: pip install mechproof[torch]"


def _run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
