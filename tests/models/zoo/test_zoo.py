"""The shipped networks: files as the manifest says, trained as the manifest says, readable without torch."""

import hashlib
import subprocess
import sys

import pytest
import safetensors.numpy

import mechproof
from mechproof.models import zoo
from mechproof.models.training import estimate_accuracy, load
from mechproof.models.training.network import is_weight, shapes
from mechproof.models.training.stack import network_file, stack_shapes
from mechproof.models.zoo.build import RECIPES, STACKS


@pytest.mark.parametrize("name", zoo.names())
def test_manifest_hash_is_the_hash_of_the_file(name):
    """Protects users who compare hashes: a file that changed without its manifest entry is caught."""
    assert hashlib.sha256(zoo.path(name).read_bytes()).hexdigest() == zoo.manifest()[name]["sha256"]


def test_manifest_and_folder_and_recipes_name_the_same_networks():
    """Protects against a file that is not listed, or listed and not made by the build."""
    assert zoo.names() == [recipe.name for recipe in RECIPES]
    shipped = {file.name for file in zoo.path(zoo.names()[0]).parent.glob("*.safetensors")}
    assert shipped == {entry["file"] for entry in zoo.manifest().values()}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_manifest_tells_how_the_network_was_trained(recipe):
    """Protects provenance: recipe and seeds in the manifest are those that the build uses."""
    entry = zoo.manifest()[recipe.name]
    assert entry["recipe"] == recipe.as_json()
    assert entry["seeds"] == {"model": recipe.model_seed, "train": recipe.train_seed}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_tensors_have_the_recipe_s_shapes_and_zero_biases(recipe):
    """Protects proofs that assume the published architecture."""
    tensors = safetensors.numpy.load_file(zoo.path(recipe.name))
    assert {name: tensor.shape for name, tensor in tensors.items()} == shapes(recipe)
    assert not any(tensor.any() for name, tensor in tensors.items() if not is_weight(name))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_accuracies_are_integers_over_the_right_totals(recipe):
    """Protects the manifest's form: an exact accuracy is null or a count out of all V**K inputs."""
    entry = zoo.manifest()[recipe.name]
    right, samples = entry["estimated_accuracy"]["right"], entry["estimated_accuracy"]["samples"]
    assert right * 1000 > samples * (999 if recipe.n_ctx <= 4 else 998)
    exact = entry["exact_accuracy"]
    assert exact is None or (exact["inputs"] == 64**recipe.n_ctx and 0 <= exact["right"] <= exact["inputs"])


@pytest.mark.parametrize("name", zoo.names())
def test_the_shipped_weights_find_the_maximum(name):
    """Protects against shipping an untrained or wrong file under a right hash."""
    pytest.importorskip("torch")
    right, samples = estimate_accuracy(load(zoo.path(name)), 1 << 14, seed=1)
    assert right * 1000 > samples * 996


def test_an_unknown_name_is_answered_with_the_known_ones():
    """Protects users from a path that does not exist."""
    with pytest.raises(zoo.NoSuchNetwork) as caught:
        zoo.path("../manifest")
    assert all(name in str(caught.value) for name in zoo.names())


def test_the_zoo_is_readable_without_torch():
    """Protects installs without torch: names, paths and tensors must come without it."""
    program = """
import sys
sys.modules["torch"] = None
from mechproof.models import zoo
import safetensors.numpy
for name in zoo.names():
    print(name, len(safetensors.numpy.load_file(zoo.path(name))))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:-1] == [f"{name} 12" for name in zoo.names()]


@pytest.mark.parametrize("recipe", STACKS, ids=lambda recipe: recipe.name)
def test_stacks_are_as_their_manifest_says(recipe):
    """Hash, recipe and network file of the networks of other layers."""
    entry, network = zoo.stacks()[recipe.name], zoo.stack(recipe.name)
    weights = network.with_suffix(".safetensors")
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == entry["sha256"]
    assert (entry["recipe"], entry["task"]) == (recipe.as_json(), recipe.task)
    assert network.read_text("utf-8") == network_file(recipe, weights.name)
    tensors = safetensors.numpy.load_file(weights)
    assert {name: tensor.shape for name, tensor in tensors.items()} == stack_shapes(recipe)


@pytest.mark.parametrize("name", ["max_of_2_layernorm", "add_mod_13_bilinear"])
def test_the_exact_accuracies_of_stacks(name):
    """Proved again, and checked again; the larger ones are proved by scripts/record_zoo.py."""
    entry = zoo.stacks()[name]
    theorem = mechproof.prove(zoo.stack(name), task=entry["task"]).theorem
    assert {"right": theorem.low, "inputs": theorem.inputs} == entry["exact_accuracy"]
    assert theorem.high == theorem.low


def test_an_unknown_stack_is_answered_with_the_known_ones():
    """Protects users from a path that does not exist."""
    with pytest.raises(zoo.NoSuchNetwork, match="max_of_2_layernorm"):
        zoo.stack("max_of_3_tanh")
