"""Where networks come from: checkpoints by their names, network files, patterns; and hostile files."""

from __future__ import annotations

import json
from fractions import Fraction

import layered_network as reference
import numpy as np
import pytest

from mechproof.engine.checker import check
from mechproof.engine.checker.errors import Failure
from mechproof.engine.checker.networks.layers import fit
from mechproof.engine.checker.networks.network_file import read_description
from mechproof.engine.checker.networks.pattern import Misfit, rearranged
from mechproof.engine.checker.networks.statement import statement_hash, statement_text
from mechproof.engine.checker.networks.task import read_task
from mechproof.engine.checker.networks.tensor import Tensor
from mechproof.engine.checker.networks.toml_file import nearest_double
from mechproof.models.recognition.transformer_lens_config import HARMLESS, plain

Draw = reference.Draw
MAX = "max-of-k"


def statement(path, task=MAX, config=None):
    """The hash of the statement about this file."""
    return statement_hash(*read_task(task, read_description(str(path), config)))


def code(path, task=MAX, config=None):
    """The code with which a file is refused."""
    with pytest.raises(Failure) as caught:
        read_task(task, read_description(str(path), config))
    return caught.value.code.name


def transformer(draw, tokens=5, d=4, heads=2, norms=True):
    """A TransformerLens state dict of one layer, and the same network as layers."""
    attention = draw.attention(d, heads, e=3, f=3, scale="1/sqrt(3)", **({"norm": draw.norm(d)} if norms else {}))
    mlp = draw.mlp(d, 5, "gelu_new", **({"norm": draw.norm(d)} if norms else {}))
    last = draw.unembed(d, tokens, **({"norm": draw.norm(d)} if norms else {}))
    first = draw.embed(tokens, d, 3)
    state = {
        "embed.W_E": first["E"],
        "pos_embed.W_pos": first["P"],
        "unembed.W_U": last["W_U"],
        "unembed.b_U": last["b_U"],
    }
    state |= {f"blocks.0.attn.{k}": v for k, v in attention.items() if k[1:2] == "_"}
    state |= {f"blocks.0.mlp.{k}": v for k, v in mlp.items() if k[1:2] == "_"}
    if norms:
        for layer, name in ((attention, "blocks.0.ln1"), (mlp, "blocks.0.ln2"), (last, "ln_final")):
            layer["norm"]["epsilon"] = "1e-5"
            state |= {f"{name}.{k}": layer["norm"][k] for k in "wb"}
    return state, [first, attention, mlp, last]


def config(folder, **values):
    """A configuration."""
    usual = {
        "act_fn": "gelu_new",
        "normalization_type": "LN",
        "eps": 1e-5,
        "n_layers": 1,
        "attn_only": False,
        "d_head": 3,
    }
    (folder / "config.json").write_text(json.dumps(usual | values))
    return str(folder / "config.json")


def test_a_state_dict_is_the_network_that_a_network_file_describes(tmp_path):
    """Two descriptions of one network have one statement: names and configuration, or layers."""
    state, layers = transformer(Draw(1))
    np.savez(tmp_path / "state.npz", **(state | {"blocks.0.attn.mask": np.ones((3, 3), dtype=bool)}))  # type: ignore[arg-type]
    assert statement(tmp_path / "state.npz", config=config(tmp_path)) == statement(reference.write(layers, tmp_path))
    for other in (
        {"act_fn": "gelu"},
        {"eps": 1e-6},
        {"attention_dir": "bidirectional"},
        {"attn_scale": 2.0},
        {"use_attn_scale": False},
    ):
        changed = statement(tmp_path / "state.npz", config=config(tmp_path, **other))
        assert changed != statement(tmp_path / "state.npz", config=config(tmp_path)), other
    same = config(
        tmp_path, attn_scale=3**0.5, positional_embedding_type="standard", attn_scores_soft_cap=-1.0, num_experts=None
    )
    assert statement(tmp_path / "state.npz", config=same) == statement(reference.write(layers, tmp_path))


@pytest.mark.parametrize(
    "values",
    [
        {"positional_embedding_type": "rotary"},
        {"parallel_attn_mlp": True},
        {"attn_scores_soft_cap": 30.0},
        {"output_logits_soft_cap": 1},
        {"use_local_attn": True},
        {"num_experts": 4},
        {"normalization_type": "BN"},
        {"normalization_type": None},
        {"act_fn": "solu_ln"},
        {"act_fn": None},
        {"act_fn": ["relu"]},
        {"eps": -1.0},
        {"eps": "x"},
        {"attn_scale": 0},
        {"n_layers": 2},
        {"attn_only": True},
        {"final_rms": True},
        {"positional_embedding_type": "none"},
        {"normalization_type": "LNPre"},
        {"rmsnorm_uses_offset": True},
        {"scale_embedding": 2.0},
        {"clip_qkv": 8.0},
        {"use_attn_scale": False, "architecture": "TransformerLensNative"},
        {"architecture": "GPT2LMHeadModel"},
        {"a_setting_of_tomorrow": False},
    ],
)
def test_configurations_that_cannot_be_described(values, tmp_path):
    """Each is refused by name."""
    state, _ = transformer(Draw(1))
    np.savez(tmp_path / "state.npz", **state)
    assert code(tmp_path / "state.npz", config=config(tmp_path, **values)) == "E143"


@pytest.mark.parametrize("key", sorted(plain()))
def test_what_the_prover_wants_switched_off_the_checker_does_not_pass_over(key, tmp_path):
    """Every such key is compared, and a value that neither knows is refused."""
    state, _ = transformer(Draw(1))
    np.savez(tmp_path / "state.npz", **state)
    assert code(tmp_path / "state.npz", config=config(tmp_path, **{key: "something"})) == "E143"


def test_settings_that_change_no_function_are_accepted(tmp_path):
    """All those that the prover passes over; their values are not looked at."""
    state, layers = transformer(Draw(1))
    np.savez(tmp_path / "state.npz", **state)
    same = config(tmp_path, **dict.fromkeys(HARMLESS, "something"))
    assert statement(tmp_path / "state.npz", config=same) == statement(reference.write(layers, tmp_path))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 5000, "\xff"])
def test_configurations_that_are_no_json_objects(text, tmp_path):
    """Malformed configurations have a code."""
    state, _ = transformer(Draw(1))
    np.savez(tmp_path / "state.npz", **state)
    (tmp_path / "bad.json").write_text(text, "latin-1")
    assert code(tmp_path / "state.npz", config=str(tmp_path / "bad.json")) == "E143"
    assert code(tmp_path / "state.npz", config=str(tmp_path / "none.json")) == "E101"


def test_an_mlp_needs_a_configuration(tmp_path):
    """No tensor shows its activation; a norm has tensors, and attention its usual scale."""
    state, layers = transformer(Draw(1), norms=False)
    np.savez(tmp_path / "state.npz", **state)
    assert code(tmp_path / "state.npz") == "E143"
    np.savez(tmp_path / "attention.npz", **{k: v for k, v in state.items() if "mlp" not in k})
    del layers[2]
    assert statement(tmp_path / "attention.npz") == statement(reference.write(layers, tmp_path))


def test_plain_names_and_head_axes(tmp_path):
    """The plain names of one layer, with and without a head axis, under two names."""
    state, layers = transformer(Draw(1), heads=1, norms=False)
    del layers[2]
    plain = {k.split(".")[-1]: v for k, v in state.items() if "mlp" not in k}
    wanted = statement(reference.write(layers, tmp_path))
    flat = {k: v[0] if k[2:] in tuple("QKVO") and k != "b_O" else v for k, v in plain.items()}
    for tensors in (
        plain,
        flat,
        flat | {f"L0_attn_{k}": flat[k][None] for k in ("W_Q", "b_O", "b_V")},
        plain | {"copy": plain["W_E"]},
    ):
        np.savez(tmp_path / "plain.npz", **tensors)
        assert statement(tmp_path / "plain.npz") == wanted
    np.savez(tmp_path / "plain.npz", **(flat | {"L0_attn_W_Q": flat["W_Q"] + 1}))
    assert code(tmp_path / "plain.npz") == "E134"
    np.savez(tmp_path / "plain.npz", **(flat | {"L0_ln1_b": flat["W_E"][0]}))
    assert code(tmp_path / "plain.npz") == "E143"
    np.savez(tmp_path / "plain.npz", **(flat | {"blocks.0.attn.W_rotary": flat["W_E"][0]}))
    assert code(tmp_path / "plain.npz") == "E144"
    for name in ("W_E", "W_U", "W_Q"):
        np.savez(tmp_path / "plain.npz", **{k: v for k, v in flat.items() if k != name})
        assert code(tmp_path / "plain.npz") == "E131"
    np.savez(tmp_path / "plain.npz", **{k: v for k, v in flat.items() if k != "W_K"})
    assert code(tmp_path / "plain.npz") == "E141"


def test_group_mlps(tmp_path):
    """W_x, W_y, W, W_U are embed, concat, linear, relu, unembed."""
    draw = Draw(2)
    tensors = {"W_x": draw(4, 3), "W_y": draw(4, 3), "W": draw(6, 5), "W_U": draw(5, 4)}
    np.savez(tmp_path / "group.npz", **tensors)  # type: ignore[arg-type]
    layers = [
        {"kind": "embed", "tables": [tensors["W_x"], tensors["W_y"]]},
        {"kind": "concat"},
        {"kind": "linear", "W": tensors["W"]},
        {"kind": "pointwise", "function": "relu"},
        {"kind": "unembed", "W_U": tensors["W_U"]},
    ]
    task = "modular-addition:4"
    assert statement(tmp_path / "group.npz", task) == statement(reference.write(layers, tmp_path), task)


def test_the_statement_in_full(tmp_path):
    """The text of docs/statement.md §3, word by word, in canonical form: zero biases and gains of one are absent."""
    one, zero = np.ones(2, dtype=np.float32), np.zeros(2, dtype=np.float32)
    eye = np.eye(2, dtype=np.float32)
    norm = {"function": "rmsnorm", "epsilon": "0.5", "w": one, "b": zero}
    layers = [
        {"kind": "embed", "E": eye, "P": np.zeros((2, 2), dtype=np.float32)},
        {
            "kind": "attention",
            "scale": "2/8",
            "W_Q": eye[None],
            "W_K": eye[None],
            "W_V": eye[None],
            "W_O": eye[None],
            "b_O": zero,
            "norm": norm,
        },
        {"kind": "norm", "function": "layernorm", "epsilon": "1e-5", "w": 2 * one},
        {"kind": "unembed", "W_U": eye, "b_U": one},
    ]
    network, task = read_task("modular-addition:2", read_description(str(reference.write(layers, tmp_path)), None))
    table = Tensor((2, 2), (1, 0, 0, 1), 0).hash
    heads = Tensor((1, 2, 2), (1, 0, 0, 1), 0).hash
    two = Tensor((2,), (1, 1), 1).hash
    attention = ",".join(f'"{name}":"{heads}"' for name in ("W_Q", "W_K", "W_V", "W_O"))
    assert statement_text(network, task) == (
        '{"schema":"mechproof-statement/2","network":{"vocabulary":[2,2],"outputs":2,"layers":['
        f'{{"kind":"embed","tables":"shared","tensors":{{"E":"{table}"}}}},'
        '{"kind":"attention","heads":1,"scale":"1/4","mask":"causal","norm":{"function":"rmsnorm","epsilon":"1p-1","tensors":{}},'
        f'"tensors":{{{attention}}}}},'
        f'{{"kind":"norm","function":"layernorm","epsilon":"14f8b588e368f1p-69","tensors":{{"w":"{two}"}}}},'
        f'{{"kind":"unembed","tensors":{{"W_U":"{table}","b_U":"{Tensor((2,), (2, 2), -1).hash}"}}}}]}},'
        '"task":{"name":"modular-addition:2","tokens":[[0,1],[0,1]],"condition":"none","read":[1],"counted":"inputs",'
        '"right":"((t[0] + t[1]) % 2)","tie":"wrong","tensors":{}}}'
    )


PATTERNS = {
    "a b c -> c a b": {},
    "a b c -> (c a) b": {},
    "(x y) b c -> y (b c) x": {"x": 2},
    "a (b d) c -> 1 a b (d c)": {"b": 3},
    "(a z) b c -> a b c z": {"a": 4, "z": 1},
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(pattern):
    """Axes permuted, split and joined, as numpy does it step by step."""
    array = np.arange(4 * 6 * 5).reshape(4, 6, 5)
    expected = {
        "a b c -> c a b": array.transpose(2, 0, 1),
        "a b c -> (c a) b": array.transpose(2, 0, 1).reshape(20, 6),
        "(x y) b c -> y (b c) x": array.reshape(2, 2, 6, 5).transpose(1, 2, 3, 0).reshape(2, 30, 2),
        "a (b d) c -> 1 a b (d c)": array.reshape(1, 4, 3, 10),
        "(a z) b c -> a b c z": array[..., None],
    }[pattern]
    found = rearranged(Tensor(array.shape, tuple(array.ravel().tolist()), 0), pattern, PATTERNS[pattern])
    assert found.shape == expected.shape and list(found.entries) == expected.ravel().tolist()


@pytest.mark.parametrize(
    ("pattern", "sizes"),
    [
        *(
            ("a b -> a b", {}),
            ("a b c", {}),
            ("a b c -> a b", {}),
            ("a b b -> a b", {}),
            ("a b c -> a b c d", {}),
            ("", {}),
        ),
        *(("(a b c -> a b c", {}), ("a b) c -> a b c", {}), ("((a) b) c d -> a b c d", {}), ("a b c -> a -> b c", {})),
        *(
            ("(x y) b c -> x y b c", {}),
            ("(x y) b c -> x y b c", {"x": 3}),
            ("a b c -> a b c", {"q": 1}),
            ("1 b c -> b c", {}),
        ),
        *(("a b c -> a b c", {"a": 5}), ("a ... -> a ...", {}), ("a 2 c -> a c", {}), ("a b c -> " + "(" * 200, {})),
    ],
)
def test_patterns_that_do_not_fit(pattern, sizes):
    """Each says why."""
    with pytest.raises(Misfit):
        rearranged(Tensor((4, 6, 5), tuple(range(120)), 0), pattern, sizes)


def test_layouts_of_one_network_have_one_statement(tmp_path):
    """Other layouts, patterns back, cuts of rows and columns."""
    draw = Draw(3)
    layers = [draw.embed(5, 4, 3), draw.attention(4, 2), draw.unembed(4, 5)]
    wanted = statement(reference.write(layers, tmp_path))
    a = layers[1]
    np.savez(
        tmp_path / "other.npz",
        E=np.pad(layers[0]["E"].T, ((0, 0), (0, 2)), constant_values=7),
        P=np.asfortranarray(layers[0]["P"]),
        Q=a["W_Q"].transpose(0, 2, 1),
        K=a["W_K"].transpose(1, 0, 2).reshape(4, 4),
        O=a["W_O"].transpose(2, 0, 1).reshape(4, 6),
        U=np.pad(layers[2]["W_U"], ((1, 0), (0, 3))),
        b=np.pad(layers[2]["b_U"], (2, 0)).astype(np.float64),
        **{k: v for k, v in a.items() if k in ("W_V", "b_Q", "b_K", "b_V", "b_O")},
    )
    (tmp_path / "other.toml").write_text(
        """
        weights = "other.npz"
        [[layer]]
        kind = "embed"
        E = { tensor = "E", pattern = "d v -> v d", rows = [0, 5] }
        P = "P"
        [[layer]]
        kind = "attention"
        scale = "1/sqrt(3)"
        W_Q = { tensor = "Q", pattern = "h e d -> h d e" }
        W_K = { tensor = "K", pattern = "d (h e) -> h d e", sizes = { h = 2 } }
        W_V = "W_V"
        W_O = { tensor = "O", pattern = "d (h f) -> h f d", sizes = { f = 3 } }
        b_Q = "b_Q"
        b_K = "b_K"
        b_V = "b_V"
        b_O = "b_O"
        [[layer]]
        kind = "unembed"
        W_U = { tensor = "U", rows = [1, 5], columns = [0, 5] }
        b_U = { tensor = "b", columns = [2, 7] }
        """
    )
    assert statement(tmp_path / "other.toml") == wanted


GOOD = """weights = "net.npz"
[[layer]]
kind = "embed"
E = "E"
P = "P"
[[layer]]
kind = "mlp"
function = "relu"
W_in = "W"
W_out = "W"
[[layer]]
kind = "unembed"
W_U = "W"
"""
CHANGES = {
    'weights = "net.npz"': {
        "": "E140",
        'weights = "../gone/net.npz"': "E101",
        'weights = "/gone/net.npz"': "E101",
        'weights = ""': "E140",
        "weights = 3": "E140",
        'weights = "net.toml"': "E120",
        'weights = "other.npz"': "E101",
        'weights = "net.npz"\ntask = "max-of-k"': "E140",
    },
    'E = "E"': {
        "": "E141",
        'E = "F"': "E131",
        "E = 1": "E141",
        'E = { pattern = "a b -> b a" }': "E141",
        'E = { tensor = "E", patern = "a b -> b a" }': "E141",
        'E = { tensor = "E", pattern = "a b -> a" }': "E142",
        'E = { tensor = "E", pattern = 3 }': "E141",
        'E = { tensor = "E", pattern = "(a c) b -> a c b", sizes = { a = 0 } }': "E141",
        'E = { tensor = "E", sizes = { a = 1 } }': "E141",
        'E = { tensor = "E", rows = [0, 5] }': "E142",
        'E = { tensor = "E", rows = [2, 2] }': "E142",
        'E = { tensor = "E", columns = [-1, 2] }': "E142",
        'E = { tensor = "E", pattern = "a b -> (a b)" }': "E141",
        'E = "E"\ntables = ["E"]': "E141",
        'E = "E"\nw = "W"': "E141",
        'tables = []': "E141",
        'tables = "E"': "E141",
        'tables = ["E", "W"]\nkind2 = 1': "E141",
        'E = "integers"': "E124",
        'E = "nan"': "E133",
        'E = "empty"': "E132",
    },
    'kind = "mlp"': {
        'kind = "mlps"': "E141",
        'kind = "embed"': "E141",
        'kind = "attention"': "E141",
        'kind = "linear"': "E141",
        "kind = 3": "E141",
        'kind = "mlp"\nskip = "some"': "E141",
        'kind = "mlp"\ngated = 1': "E141",
        'kind = "mlp"\nnorm = "layernorm"': "E141",
        'kind = "mlp"\nnorm = { function = "layernorm" }': "E141",
        'kind = "mlp"\nnorm = { function = "batchnorm", epsilon = 1 }': "E141",
        'kind = "mlp"\nnorm = { function = "layernorm", epsilon = 0 }': "E141",
        'kind = "mlp"\nnorm = { function = "layernorm", epsilon = "x" }': "E141",
        'kind = "mlp"\nnorm = { function = "layernorm", epsilon = 1e-5, w = "E" }': "E141",
        'kind = "mlp"\nb_in = "E"': "E141",
    },
    'function = "relu"': {"": "E141", 'function = "tanh"': "E141", "function = []": "E141"},
    'W_out = "W"': {"": "E141", 'W_out = { tensor = "W", columns = [0, 1] }': "E141"},
    'kind = "unembed"': {'kind = "linear"': "E141", 'kind = "unembed"\nfunction = "relu"': "E141"},
}  # fmt: skip


def network_file(folder, text):
    """A network file with tensors of every bad kind beside it."""
    w = np.eye(2, dtype=np.float32)
    np.savez(
        folder / "net.npz",
        E=w,
        P=w,
        W=w,
        integers=w.astype(np.int32),
        nan=w * np.float32("nan"),
        empty=w[:0],
    )
    (folder / "net.toml").write_text(text)
    return folder / "net.toml"


def test_the_network_file_that_is_changed_below_is_good(tmp_path):
    """Otherwise its changes would show nothing."""
    assert len(statement(network_file(tmp_path, GOOD))) == 64


@pytest.mark.parametrize(("line", "changed"), [(line, changed) for line in CHANGES for changed in CHANGES[line]])
def test_bad_network_files(line, changed, tmp_path):
    """Every mistake is one sentence with a code: missing tensors, misfitting patterns, paths that lead elsewhere."""
    assert line in GOOD
    path = network_file(tmp_path, GOOD.replace(line, changed, 1))
    assert code(path) == CHANGES[line][changed]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "layer = 3\nweights = 'net.npz'",
        "weights = 'net.npz'\nlayer = [1]",
        "a = " + "[" * 9000,
        "\xff" * 9,
        "a." * 30000,
    ],
)
def test_network_files_that_are_none(text, tmp_path):
    """Malformed TOML, deep nesting and long keys end quickly, with a code."""
    path = network_file(tmp_path, "")
    path.write_text(text, "latin-1")
    assert code(path) in ("E140", "E141")


def test_huge_network_files(tmp_path):
    """More than 64 KiB of TOML, or more than 64 layers."""
    path = network_file(tmp_path, GOOD + "#" * (1 << 16))
    assert code(path) == "E102"
    layer = '[[layer]]\nkind = "pointwise"\nfunction = "relu"\n'
    assert (
        code(network_file(tmp_path, GOOD.replace('[[layer]]\nkind = "mlp"', layer * 70 + '[[layer]]\nkind = "mlp"')))
        == "E243"
    )


def test_every_failure_is_a_verdict(tmp_path):
    """The command never raises: a bad network, task or configuration is MALFORMED, whatever the certificate."""
    path = network_file(tmp_path, GOOD)
    good = reference.certificate(statement(path), 0, 4, 4)
    certificate = tmp_path / "certificate.json"
    certificate.write_bytes(good)
    assert check(certificate, path, MAX).status == "VERIFIED"
    assert check(certificate, path, MAX, config=tmp_path / "config.json").code == "E100"
    assert check(certificate, path, "nothing").code == "E103"
    assert check(certificate, path, "kth-max:9").code == "E150"
    assert check(certificate, path, "expression: t[0] +").code == "E151"
    assert check(certificate, path, "expression: t[0] + 1").code == "E201"
    assert check(certificate, tmp_path / "none.toml", MAX).code == "E101"
    wrong = reference.certificate(statement(path, "expression: t[0] + 1"), 0, 4, 4)
    certificate.write_bytes(wrong)
    assert check(certificate, path, "expression: t[0] + 1").code == "E152"
    for old, new, expected in (
        (b"enumeration/1", b"enumeration/9", "E210"),
        (b"enumeration/1", b"token_order_tree/1", "E211"),
        (b'"premises":[0]', b'"premises":[1]', "E212"),
        (b'"premises":[0]', b'"premises":[]', "E211"),
        (b'"advice":{}', b'"advice":[]', "E110"),
        (b'"inputs":"0x4"},"statement"', b'"inputs":"0x5"},"statement"', "E202"),
        (b'"right_high":"0x4","inputs"', b'"right_high":"0x5","inputs"', "E203"),
        (b'"metric":"accuracy"', b'"metric":"loss"', "E110"),
        (b"]}\n", b"]}", "E110"),
    ):
        certificate.write_bytes(good.replace(old, new, 1))
        assert check(certificate, path, MAX).code == expected, new


def test_certificates_that_only_claim(tmp_path):
    """A certificate without derivations, or with only its final claim, proves nothing."""
    path = network_file(tmp_path, GOOD)
    text = json.loads(reference.certificate(statement(path), 0, 4, 4))
    for steps, expected in (
        (text["derivations"][:0], "E215"),
        (text["derivations"][:2], "E204"),
        (text["derivations"][:1], "E204"),
    ):
        certificate = tmp_path / "certificate.json"
        certificate.write_text(json.dumps(text | {"derivations": steps}, separators=(",", ":")) + "\n")
        assert check(certificate, path, MAX).code == expected


@pytest.mark.parametrize(
    "text",
    [
        "1e-5",
        "0.1",
        "1",
        "123456789012345678901234567890",
        "1e22",
        "1e-12",
        "0.3",
        "2.5e-3",
        "9007199254740993",
        "1e-310",
        "4.9e-324",
        "1" * 50,
        "1_0.5e0_1",
        "1.7976931348623157e308",
    ],
)
def test_decimal_numbers_are_the_nearest_doubles(text):
    """As Python's own conversion has it."""
    found = nearest_double(text)
    assert found is not None and found[0] % 2 == 1
    assert Fraction(found[0]) * Fraction(2) ** found[1] == Fraction(float(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.0",
        "-1",
        "nan",
        "inf",
        "1e999",
        "1e-400",
        "0x1",
        "1e99999999999",
        "1" * 500,
        "1.7976931348623159e308",
    ],
)
def test_numbers_that_are_no_positive_doubles(text):
    """Nothing else is read, and huge exponents cost nothing."""
    assert nearest_double(text) is None


def test_own_tables_must_fit_the_positions(tmp_path):
    """One table a position, of one width."""
    draw = Draw(1)
    layers = [{"kind": "embed", "tables": [draw(3, 2), draw(4, 2)]}, {"kind": "sum"}, draw.unembed(2, 7)]
    description = read_description(str(reference.write(layers, tmp_path)), None)
    assert fit(description, 2).vocabulary == (3, 4)
    for positions in (1, 3):
        with pytest.raises(Failure) as caught:
            fit(description, positions)
        assert caught.value.code.name == "E141"
