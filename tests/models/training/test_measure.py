"""Float32 counts on networks whose accuracy is known by thought."""

import runpy
from pathlib import Path

import pytest

from mechproof.models.training import Recipe, estimate_accuracy, float32_accuracy, save
from mechproof.models.training.measure import BATCH
from mechproof.models.training.network import shapes

torch = pytest.importorskip("torch")

SMALL = Recipe(n_ctx=3, d_vocab=5, d_model=2)


def constant_network(recipe, answer):
    """Zero weights and one output bias: always answers ``answer``."""
    state = {name: torch.zeros(shape) for name, shape in shapes(recipe).items()}
    state["unembed.b_U"][answer] = 1.0
    return state


@pytest.mark.parametrize("answer", range(5))
@pytest.mark.parametrize("batch", [7, 125, 1000])
def test_float32_accuracy_visits_every_sequence_once(answer, batch):
    """Protects the enumeration: (x+1)^K - x^K sequences have maximum x, whatever the batch size."""
    assert float32_accuracy(constant_network(SMALL, answer), batch) == ((answer + 1) ** 3 - answer**3, 125)


def test_estimate_is_near_the_truth_and_counts_its_samples():
    """Protects the sampler: uniform over tokens, no sample dropped at a batch boundary."""
    samples = 2 * BATCH + 1
    right, counted = estimate_accuracy(constant_network(SMALL, 4), samples, seed=0)
    assert counted == samples
    assert abs(right * 125 - 61 * samples) < 6 * 125 * (samples // 4) ** 0.5
    assert estimate_accuracy(constant_network(Recipe(d_vocab=1), 0), samples, seed=0) == (samples, samples)


@pytest.mark.parametrize("name", ["full", "last"])
def test_benchmark_peers_count_the_file_they_are_given(tmp_path, name):
    """Protects the comparison in the benchmark: same network, same inputs."""
    peers = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "torch_forward.py"))["PEERS"]
    save(constant_network(SMALL, 2), tmp_path / "net.safetensors", SMALL)
    assert peers[name](tmp_path / "net.safetensors") == (19, 125)
