"""The default models: shapes, seeds, causality, and messages."""

import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labelsmooth._checks import UsageError
from labelsmooth.data import from_arrays, load
from labelsmooth.models import build, default_model, names

FITTING = [("mlp", "digits"), ("conv", "digits"), ("mlp", "mixture"), ("transformer", "pydoc")]


@pytest.fixture(scope="module")
def datasets():
    return {name: load(name) for name in ("digits", "mixture", "pydoc")}


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def images(height, width, channels=1):
    x = np.random.default_rng(0).normal(size=(12, channels, height, width))
    return from_arrays(x, np.arange(12) % 2)


def weights(model):
    return torch.cat([parameter.detach().ravel() for parameter in model.parameters()])


@pytest.mark.parametrize("name, data", FITTING)
def test_logits_have_the_documented_shape(datasets, name, data):
    dataset = datasets[data]
    inputs = torch.from_numpy(dataset.val.inputs[:5])
    logits = build(name, dataset, seed=0)(inputs)
    trailing = (inputs.shape[1],) if dataset.kind == "tokens" else ()
    assert logits.shape == (5, len(dataset.classes), *trailing)
    assert logits.dtype == torch.float32
    F.cross_entropy(logits, torch.from_numpy(dataset.val.labels[:5])).backward()


@pytest.mark.parametrize("name, data", FITTING)
def test_a_seed_decides_the_weights_whatever_ran_before(datasets, name, data):
    torch.manual_seed(1)
    one = weights(build(name, datasets[data], seed=3))
    torch.manual_seed(2)
    torch.rand(5)
    two = weights(build(name, datasets[data], seed=3))
    assert torch.equal(one, two)
    assert not torch.equal(one, weights(build(name, datasets[data], seed=4)))


@pytest.mark.parametrize("name, data", FITTING)
def test_the_global_random_state_is_left_as_it_was(datasets, name, data):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    build(name, datasets[data], seed=3)
    assert torch.equal(before, torch.get_rng_state())


def test_a_seed_gives_the_same_weights_in_a_fresh_process(datasets):
    code = (
        "from labelsmooth.data import load; from labelsmooth.models import build; "
        "print(sum(float(p.detach().double().sum()) for p in build('mlp', load('digits'), seed=7).parameters()).hex())"
    )
    fresh = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    here = sum(float(p.detach().double().sum()) for p in build("mlp", datasets["digits"], seed=7).parameters())
    assert fresh == here.hex()


@pytest.mark.parametrize("name, data", FITTING)
def test_every_weight_gets_a_gradient(datasets, name, data):
    dataset = datasets[data]
    model = build(name, dataset, seed=0)
    F.cross_entropy(
        model(torch.from_numpy(dataset.train.inputs[:64])), torch.from_numpy(dataset.train.labels[:64])
    ).backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("name, data", FITTING)
def test_dropout_acts_in_training_only(datasets, name, data):
    inputs = torch.from_numpy(datasets[data].val.inputs[:4])
    model, plain = (build(name, datasets[data], dropout=d, seed=0) for d in (0.5, 0.0))
    assert torch.equal(weights(model), weights(plain))
    assert not torch.equal(model(inputs), model(inputs))
    assert torch.equal(plain(inputs), plain(inputs))
    assert torch.equal(model.eval()(inputs), plain.eval()(inputs))


@pytest.mark.parametrize("name, data", FITTING)
def test_a_rows_logits_do_not_depend_on_its_batch(datasets, name, data):
    inputs = torch.from_numpy(datasets[data].val.inputs[:8])
    model = build(name, datasets[data], seed=0)
    torch.testing.assert_close(model(inputs)[:3], model(inputs[:3]), rtol=1e-5, atol=1e-5)


def test_the_transformer_never_sees_what_comes_later(datasets):
    dataset = datasets["pydoc"]
    model = build("transformer", dataset, seed=0).eval()
    inputs = torch.from_numpy(dataset.val.inputs[:4])
    before = model(inputs)
    for place in (1, 17, 40, 63):
        changed = inputs.clone()
        changed[:, place:] = (changed[:, place:] + 11) % len(dataset.classes)
        after = model(changed)
        torch.testing.assert_close(after[..., :place], before[..., :place], rtol=0, atol=1e-5)
        assert (after[..., place] - before[..., place]).abs().max() > 1e-3


def test_the_transformer_uses_the_far_past_and_the_order(datasets):
    dataset = datasets["pydoc"]
    model = build("transformer", dataset, seed=0).eval()
    inputs = torch.from_numpy(dataset.val.inputs[:4])
    first = inputs.clone()
    first[:, 0] = (first[:, 0] + 11) % len(dataset.classes)
    assert (model(first)[..., -1] - model(inputs)[..., -1]).abs().max() > 1e-6
    swapped = inputs[:, [1, 0, *range(2, 64)]]
    assert (model(swapped)[..., -1] - model(inputs)[..., -1]).abs().max() > 1e-7


def test_without_attention_the_transformer_sees_three_characters_back_and_no_further(datasets):
    dataset = datasets["pydoc"]
    model = build("transformer", dataset, seed=0).eval()
    inputs = torch.from_numpy(dataset.val.inputs[:4])
    with torch.no_grad():
        for block in model.blocks:
            block.mix.weight.zero_()
        before = model(inputs)
        for back in range(6):
            changed = inputs.clone()
            changed[:, 40 - back] = (changed[:, 40 - back] + 11) % len(dataset.classes)
            moved = (model(changed)[..., 40] - before[..., 40]).abs().max()
            assert (moved > 1e-3) == (back <= 3)


@pytest.mark.parametrize("length", [1, 2, 30])
def test_the_transformer_takes_shorter_text(datasets, length):
    model = build("transformer", datasets["pydoc"], seed=0).eval()
    inputs = torch.from_numpy(datasets["pydoc"].val.inputs[:2])
    torch.testing.assert_close(model(inputs[:, :length]), model(inputs)[..., :length], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name, data", FITTING)
def test_a_few_steps_learn_and_repeat_bit_for_bit(datasets, one_thread, name, data):
    dataset = datasets[data]
    inputs, labels = torch.from_numpy(dataset.train.inputs[:64]), torch.from_numpy(dataset.train.labels[:64])

    def train():
        model = build(name, dataset, seed=0)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        losses = []
        for _ in range(12):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    one, two = train(), train()
    assert one == two
    assert one[-1] < 0.8 * one[0]


def test_default_model_by_kind_and_size(datasets):
    assert {name: default_model(data) for name, data in datasets.items()} == {
        "digits": "mlp",
        "mixture": "mlp",
        "pydoc": "transformer",
    }
    assert default_model(images(12, 12)) == "mlp"
    assert default_model(images(13, 12)) == "conv"


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 13, 3), (32, 32, 3)])
def test_conv_takes_images_of_any_size_from_8(shape):
    dataset = images(*shape)
    assert build("conv", dataset, seed=0)(torch.from_numpy(dataset.val.inputs)).shape == (len(dataset.val), 2)


def test_conv_refuses_images_that_are_too_small():
    with pytest.raises(UsageError, match=r"at least 8x8 pixels; got 7x8; use model 'mlp'"):
        build("conv", images(7, 8), seed=0)


def test_unknown_model_lists_them(datasets):
    assert names() == ["bag", "conv", "encoder", "linear", "mlp", "transformer"]
    with pytest.raises(UsageError, match=r"'mlp', 'transformer'\], .* got 'transfomer'; did you mean 'transformer'"):
        build("transfomer", datasets["digits"], seed=0)


@pytest.mark.parametrize(
    "name, data, fitting",
    [
        ("conv", "mixture", "linear, mlp"),
        ("transformer", "digits", "conv, linear, mlp"),
        ("mlp", "pydoc", "transformer"),
    ],
)
def test_a_model_that_does_not_fit_names_those_that_do(datasets, name, data, fitting):
    with pytest.raises(UsageError, match=f"models that fit: {fitting}$"):
        build(name, datasets[data], seed=0)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_dropout_outside_0_to_1_is_refused(datasets, dropout):
    with pytest.raises(UsageError, match="dropout must be"):
        build("mlp", datasets["digits"], dropout=dropout, seed=0)
