"""transformers' Trainer trains real models with smoothed labels: gradients, evaluation, refusals."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from functools import partial, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from integrations import tiny_models
from integrations.two_processes import each_finds

from labelsmooth import calibration, schemes
from labelsmooth.integrations.huggingface import TrainerNotice, compute_loss_func

EPSILON = 0.1
KINDS = ("gpt2", "llama", "t5", "masked", "tokens", "rows", "multi")


@pytest.fixture(scope="module", autouse=True)
def _little_to_collect() -> Iterator[None]:
    """A Trainer collects garbage when it starts; with all the libraries' objects that takes most of its time."""
    import transformers  # noqa: F401
    from transformers import Trainer  # noqa: F401

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Makes a Trainer of a tiny model."""
    return partial(made, tmp_path)


def made(folder: Path, kind: str, loss: Any, *, steps: int = 1, size: int = 1, model: Any = None, **asked: Any) -> Any:
    """A Trainer of a tiny model, that keeps the gradients of each optimizer step."""
    import transformers
    from transformers import Trainer, TrainerCallback, TrainingArguments

    transformers.logging.set_verbosity_error()

    class Gradients(TrainerCallback):
        def __init__(self) -> None:
            self.seen: list[torch.Tensor] = []

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            parts = [p.grad.double().flatten() for p in kwargs["model"].parameters() if p.grad is not None]
            self.seen.append(torch.cat(parts))

    more = {name: asked.pop(name) for name in ("compute_metrics", "data_collator") if name in asked}
    kept = asked.pop("kind_of_trainer", Trainer)
    args = TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=size, gradient_accumulation_steps=steps,
        learning_rate=0.0, max_grad_norm=0.0, num_train_epochs=1, report_to=[], use_cpu=True, disable_tqdm=True,
        save_strategy="no", logging_strategy="no", per_device_eval_batch_size=4, **asked,
    )  # fmt: skip
    data, gradients = tiny_models.rows(kind), Gradients()
    trainer = kept(
        model=model or tiny_models.build(kind), args=args, train_dataset=data, eval_dataset=data,
        compute_loss_func=loss, callbacks=[gradients], **{"data_collator": tiny_models.collate, **more},
    )  # fmt: skip
    trainer.gradients = gradients.seen
    return trainer


def losses_by_definition(kind: str, batch: dict[str, torch.Tensor], model: Any) -> tuple[torch.Tensor, int]:
    """Σ −q·log p over the labels, by its definition from the model's logits, and the labels that the Trainer counts."""
    logits, labels = model(**batch).logits.double(), batch["labels"]
    if kind == "multi":
        q = labels * (1 - EPSILON) + EPSILON / 2
        p = logits.sigmoid()
        return -(q * p.log() + (1 - q) * (1 - p).log()).sum(), labels.numel()
    count = int((labels[:, 1:] if kind == "llama" else labels).ne(-100).sum())
    if kind in ("gpt2", "llama"):
        logits, labels = logits[:, :-1], labels[:, 1:]
    keep = labels != -100
    z, y = logits[keep], labels[keep]
    q = torch.full_like(z, EPSILON / z.shape[-1])
    q[torch.arange(len(y)), y] += 1 - EPSILON
    return -(q * z.log_softmax(-1)).sum(), count


def gradient_by_definition(kind: str, rows: list[Any]) -> torch.Tensor:
    """Of one big batch."""
    model = tiny_models.build(kind).train()
    total, count = losses_by_definition(kind, tiny_models.collate(rows), model)
    (total / count).backward()
    return torch.cat([p.grad.double().flatten() for p in model.parameters() if p.grad is not None])


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("steps, size", [(1, 10), (4, 2), (8, 1)])
@pytest.mark.parametrize("kind", KINDS)
def test_T20_accumulation_gives_the_gradient_of_the_big_batch(run: Any, kind: str, steps: int, size: int) -> None:
    seen: list[Any] = []

    def collate(given: list[Any]) -> Any:
        seen.extend(given)
        return tiny_models.collate(given)

    loss = compute_loss_func(EPSILON, shift=kind in ("gpt2", "llama"))
    trainer = run(kind, loss, steps=steps, size=size, data_collator=collate)
    trainer.train()
    found = trainer.gradients
    window = steps * size
    assert len(found) == -(-10 // window), "the last window is shorter"
    for i, gradient in enumerate(found):
        expected = gradient_by_definition(kind, seen[i * window : (i + 1) * window])
        assert distance(gradient, expected) < 1e-6


def found_by_the_trainer(folder: str) -> dict[str, Any]:
    """On two processes: gradients, and the figures of an evaluation."""
    from accelerate.state import AcceleratorState, GradientState, PartialState

    for state in (AcceleratorState, GradientState, PartialState):
        state._reset_state()
    seen: list[int] = []
    starts = [row["input_ids"].tolist() for row in tiny_models.rows("llama")]

    def collate(given: list[Any]) -> Any:
        seen.extend(starts.index(row["input_ids"].tolist()) for row in given)
        return tiny_models.collate(given)

    loss = compute_loss_func(EPSILON, shift=True)
    trainer = made(Path(folder), "llama", loss, steps=2, size=2, data_collator=collate, ddp_backend="gloo",
                   compute_metrics=loss.compute_metrics)  # fmt: skip
    trainer.train()
    trained = list(seen)
    figures = {name: x for name, x in trainer.evaluate().items() if "second" not in name and "runtime" not in name}
    return {"gradients": [each.tolist() for each in trainer.gradients], "seen": trained, "figures": figures}


def test_T21_two_processes_have_the_gradient_of_the_big_batch(run: Any, tmp_path: Path) -> None:
    found = each_finds(found_by_the_trainer, str(tmp_path / "out"), folder=tmp_path)
    assert found[0]["gradients"] == found[1]["gradients"] and found[0]["figures"] == found[1]["figures"]
    rows = tiny_models.rows("llama")
    for i, gradient in enumerate(found[0]["gradients"]):
        window = [rows[row] for one in found for row in one["seen"][4 * i : 4 * i + 4]]
        assert distance(torch.tensor(gradient, dtype=torch.float64), gradient_by_definition("llama", window)) < 1e-6
    loss = compute_loss_func(EPSILON, shift=True)
    alone = run("llama", loss, compute_metrics=loss.compute_metrics).evaluate()
    for name in ("eval_nll", "eval_smoothed_loss", "eval_ece", "eval_rows"):
        assert found[0]["figures"][name] == pytest.approx(alone[name], rel=1e-6)


def test_a_trainer_of_ones_own_around_compute_loss_is_found(run: Any) -> None:
    from transformers import Trainer

    class Own(Trainer):
        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            return super().compute_loss(*args, **kwargs)

    with pytest.raises(ValueError, match="smooth both"):
        run("rows", compute_loss_func(EPSILON), label_smoothing_factor=0.1, kind_of_trainer=Own).train()


def test_T20_a_mean_of_means_is_another_gradient(run: Any) -> None:
    loss = compute_loss_func(EPSILON, shift=True)
    trainer = run("llama", lambda outputs, labels, num_items_in_batch: loss(outputs, labels) / 10, steps=10)
    trainer.train()
    assert distance(trainer.gradients[0], gradient_by_definition("llama", tiny_models.rows("llama"))) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_without_smoothing_it_is_the_models_own_loss(run: Any, kind: str) -> None:
    ours = run(kind, compute_loss_func(0.0, shift=kind in ("gpt2", "llama")), steps=1, size=10)
    theirs = run(kind, None, steps=1, size=10)
    for trainer in (ours, theirs):
        trainer.train()
    assert distance(ours.gradients[0], theirs.gradients[0]) < 1e-6


@pytest.mark.parametrize("kind, said", [("gpt2", "i \\+ 1"), ("llama", "i \\+ 1"), ("t5", "not shifted"),
                                        ("masked", "not shifted"), ("tokens", "not shifted")])  # fmt: skip
def test_the_models_kind_decides_the_shift_and_it_is_said_once(run: Any, kind: str, said: str) -> None:
    from labelsmooth import _notices

    _notices.forget()
    loss = compute_loss_func(EPSILON)
    trainer = run(kind, loss, size=5, steps=1)
    with pytest.warns(TrainerNotice, match=said) as heard:
        trainer.train()
    assert len(heard) == 1
    told = run(kind, compute_loss_func(EPSILON, shift=kind in ("gpt2", "llama")), size=5, steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told.train()


@pytest.mark.parametrize("kind, shifted", [("gpt2", True), ("llama", True), ("masked", False), ("tokens", False)])
def test_the_model_is_asked_where_its_outputs_do_not_say(run: Any, kind: str, shifted: bool) -> None:
    """Tuples have no kind; and the Trainer counts GPT-2's labels as if they were not shifted."""
    model = tiny_models.build(kind)
    inner = model.forward
    model.forward = wraps(inner)(lambda **inputs: (inner(**inputs).logits,))
    trainer = run(kind, compute_loss_func(EPSILON), model=model, size=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainerNotice)
        trainer.train()
    expected = gradient_by_definition(kind, tiny_models.rows(kind))
    assert distance(trainer.gradients[0], expected) < 1e-6
    assert trainer.compute_loss_func.reading == ("shifted" if shifted else "aligned")


def test_a_model_of_ones_own_has_to_be_told_of(run: Any) -> None:
    class Own(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(tiny_models.VOCABULARY, tiny_models.VOCABULARY)

        def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None) -> dict[str, torch.Tensor]:
            return {"logits": self.table(input_ids)}

    with pytest.raises(ValueError, match="do not say whether the model is causal; pass shift=True"):
        run("llama", compute_loss_func(EPSILON), model=Own()).train()
    run("llama", compute_loss_func(EPSILON, shift=True), model=Own()).train()


@pytest.mark.parametrize("kind, batched", [*((kind, False) for kind in KINDS), ("gpt2", True), ("multi", True)])
def test_T16_eval_loss_is_the_hard_loss_and_the_smoothed_one_stands_beside_it(
    run: Any, kind: str, batched: bool
) -> None:
    loss = compute_loss_func(EPSILON, shift=kind in ("gpt2", "llama"))
    trainer = run(kind, loss, compute_metrics=loss.compute_metrics, batch_eval_metrics=batched)
    found = trainer.evaluate()
    plain = run(kind, None).evaluate()
    assert found["eval_loss"] == pytest.approx(plain["eval_loss"], abs=1e-6)
    model = tiny_models.build(kind).eval()
    with torch.no_grad():
        total, _ = losses_by_definition(kind, tiny_models.collate(tiny_models.rows(kind)), model)
        z, y = rows_by_definition(kind, model)
    assert found["eval_rows"] == len(y)
    assert found["eval_smoothed_loss"] == pytest.approx(float(total) / len(y), abs=1e-6)
    assert found["eval_nll"] == pytest.approx(calibration.nll(y, logits=z), abs=1e-6)
    assert found["eval_ece"] == pytest.approx(calibration.expected_calibration_error(y, logits=z), abs=1e-5)
    assert trainer.evaluate()["eval_nll"] == found["eval_nll"], "an evaluation starts from nothing"
    assert trainer.state.log_history[-1]["eval_smoothed_loss"] == found["eval_smoothed_loss"]


def rows_by_definition(kind: str, model: Any) -> tuple[np.ndarray, np.ndarray]:
    batch = tiny_models.collate(tiny_models.rows(kind))
    logits, labels = model(**batch).logits.numpy(), batch["labels"].numpy()
    if kind == "multi":
        return np.stack([np.zeros_like(logits), logits], -1).reshape(-1, 2), labels.reshape(-1).astype(int)
    if kind in ("gpt2", "llama"):
        logits, labels = logits[:, :-1], labels[:, 1:]
    keep = labels != -100
    return logits[keep], labels[keep]


def test_smoothing_twice_is_refused(run: Any) -> None:
    trainer = run("rows", compute_loss_func(EPSILON), label_smoothing_factor=0.1)
    with pytest.raises(ValueError, match="take label_smoothing_factor out of TrainingArguments"):
        trainer.train()
    with pytest.raises(ValueError, match="smooth both"):
        trainer.evaluate()


def test_a_scheme_with_a_memory_is_told_by_the_trainer(run: Any) -> None:
    online = schemes.Online(0.5, tiny_models.LABELS)
    trainer = run("rows", compute_loss_func(online), size=2)
    model = trainer.model
    trainer.train()
    by_hand = schemes.Online(0.5, tiny_models.LABELS)
    with torch.no_grad():
        batch = tiny_models.collate(tiny_models.rows("rows"))
        by_hand.observe(model(**batch).logits, batch["labels"])
    by_hand.advance()
    torch.testing.assert_close(online.table, by_hand.table, rtol=1e-5, atol=1e-6)
    assert not torch.equal(online.table, torch.full_like(online.table, 1 / tiny_models.LABELS))
    steps = schemes.Scheduled(schemes.Uniform(EPSILON), over=10, unit="step")
    run("rows", compute_loss_func(steps), size=5).train()
    assert int(steps.position) == 2


def test_a_scheme_goes_where_the_logits_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in no model that the Trainer moves; and metrics are computed on the CPU."""
    online, places = schemes.Online(0.5, 5), []
    monkeypatch.setattr(online, "to", places.append)
    loss = compute_loss_func(online)
    loss({"logits": torch.zeros(2, 5, requires_grad=True)}, torch.zeros(2, dtype=torch.long), num_items_in_batch=2)
    assert places and set(places) == {torch.device("cpu")}
    places.clear()
    loss.compute_metrics(SimpleNamespace(predictions=np.zeros((2, 5), np.float32), label_ids=np.zeros(2, np.int64)))
    assert places


def test_labels_that_are_missing(run: Any) -> None:
    def without(given: list[Any]) -> Any:
        return {name: x for name, x in tiny_models.collate(given).items() if name != "labels"}

    with pytest.raises(ValueError, match="add a column named labels"):
        run("rows", compute_loss_func(EPSILON), data_collator=without).train()


LM, ROWS, ONES = torch.zeros(2, 3, 5), torch.zeros(2, 5), torch.ones(5)
BAD = {
    "no logits": ({"start_logits": LM}, torch.zeros(2, dtype=torch.long), {}, "the outputs hold start_logits"),
    "a kind that is not known": ({"logits": LM}, torch.zeros(2, 3, dtype=torch.long), {}, "pass shift=True"),
    "a column of labels": ({"logits": ROWS}, torch.zeros(2, 1, dtype=torch.long), {}, "squeeze"),
    "integers for yes or no": ({"logits": ROWS}, torch.zeros(2, 5, dtype=torch.long), {}, "multi_label_classif"),
    "labels of tokens for rows": ({"logits": ROWS}, torch.zeros(2, 3, dtype=torch.long), {}, "need labels \\(2,\\)"),
    "labels of rows for tokens": ({"logits": LM}, torch.zeros(2, dtype=torch.long), {}, "need labels \\(2, 3\\)"),
    "labels shorter than logits": ({"logits": LM}, torch.zeros(2, 2, dtype=torch.long), {}, "Pad labels with -100"),
    "pictures": ({"logits": torch.zeros(2, 5, 4, 4)}, torch.zeros(2, 8, 8, dtype=torch.long), {}, "logits must be"),
    "a regression": ({"logits": torch.zeros(2, 1)}, torch.zeros(2), {}, "are a regression"),
    "an option of another head": ({"logits": ROWS}, torch.zeros(2).long(), {"pos_weight": ONES}, "pos_weight="),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_said_in_a_sentence(name: str) -> None:
    outputs, labels, options, sentence = BAD[name]
    with pytest.raises((ValueError, TypeError), match=sentence):
        compute_loss_func(EPSILON, **options)(outputs, labels, num_items_in_batch=2)


@pytest.mark.parametrize("asked, sentence", [
    ({"label_smoothing": 1.5}, "in \\[0, 1\\]"), ({"problem_type": "regression"}, "problem_type must be one of"),
    ({"reduction": "sum"}, "no option 'reduction'"),
    ({"strict": True, "weight_mode": "sample", "pos_weight": ONES}, "not fit"),
])  # fmt: skip
def test_what_cannot_be_is_refused_when_it_is_made(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        compute_loss_func(**asked)


def test_a_ctc_model_and_a_regression_are_refused(run: Any) -> None:
    for name, value, sentence in (("loss_type", "ForCTC", "aligns them in a loss"), ("config", None, "regression")):
        model = tiny_models.build("tokens" if name == "loss_type" else "rows")
        if name == "config":
            model.config.problem_type = "regression"
        else:
            model.loss_type = value
        kind = "tokens" if name == "loss_type" else "rows"
        with pytest.raises(ValueError, match=sentence):
            run(kind, compute_loss_func(EPSILON), model=model).train()


def test_generated_ids_are_no_logits() -> None:
    metrics = compute_loss_func(EPSILON, shift=False).compute_metrics
    ids = np.zeros((2, 3), dtype=np.int64)
    with pytest.raises(ValueError, match="Leave out predict_with_generate"):
        metrics(SimpleNamespace(predictions=ids, label_ids=ids))
    with pytest.raises(ValueError, match='label_names=\\["labels"\\]'):
        metrics(SimpleNamespace(predictions=np.zeros((2, 3)), label_ids=(ids, ids)))


def test_a_count_repeated_for_each_gpu_is_undone() -> None:
    """nn.DataParallel: the Trainer gives the count once a GPU, and multiplies the loss by their number."""
    loss = compute_loss_func(EPSILON)
    logits, labels = torch.randn(4, 5, requires_grad=True), torch.tensor([0, 1, 2, 3])
    one = loss({"logits": logits}, labels, num_items_in_batch=torch.tensor(4))
    several = loss({"logits": logits}, labels, num_items_in_batch=torch.full((2, 1), 4)) * 2
    assert several.shape == () and float(several.detach()) == pytest.approx(float(one.detach()), rel=1e-6)


def test_class_probabilities_are_rows_though_the_trainer_counts_every_class() -> None:
    loss = compute_loss_func(EPSILON, problem_type="single_label_classification")
    logits, labels = torch.randn(4, 5, requires_grad=True), torch.eye(5)[:4]
    given = loss({"logits": logits}, labels, num_items_in_batch=20)
    assert float(given.detach()) == pytest.approx(
        float(loss({"logits": logits}, torch.arange(4), 4).detach()), rel=1e-6
    )


def test_T7_windows_without_labels_add_nothing_and_evaluations_without_have_no_mean() -> None:
    loss = compute_loss_func(EPSILON, shift=True)
    logits, none = torch.randn(1, 3, 5, requires_grad=True), torch.full((1, 3), -100)
    value = loss({"logits": logits}, none, num_items_in_batch=torch.tensor(0))
    value.backward()
    assert float(value.detach()) == 0 and logits.grad is not None and not logits.grad.any()
    with torch.no_grad():
        assert loss({"logits": logits}, none, num_items_in_batch=torch.tensor(0)).isnan()
