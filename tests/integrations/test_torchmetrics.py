"""Our accumulator as a Metric of torchmetrics: the same figures and bits, whatever the split over processes."""

from __future__ import annotations

import copy
import doctest
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from labelsmooth.calibration import CalibrationAccumulator
from labelsmooth.integrations import torchmetrics as ours
from labelsmooth.integrations._limbs import Layout, of_limbs, to_limbs
from labelsmooth.integrations.torchmetrics import calibration_metric

SETTINGS: dict[str, Any] = {"bins": 10, "top_k": (2, 3), "sharpness": True, "ignore_index": -1}
G = torch.Generator().manual_seed(0)
LOGITS, LABELS = 3 * torch.randn(300, 5, generator=G), torch.randint(-1, 5, (300,), generator=G)


def whole() -> dict[str, float]:
    accumulator = CalibrationAccumulator(**SETTINGS)
    accumulator.update(LABELS, logits=LOGITS)
    return {**accumulator.compute(), "rows": accumulator.rows}


def numbers(found: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: value.item() for name, value in found.items()}


def test_batches_merges_and_copies_give_the_bits_of_one_call() -> None:
    first, second = calibration_metric(**SETTINGS), calibration_metric(**SETTINGS)
    for metric, rows in ((first, slice(0, 120)), (second, slice(120, 300))):
        for z, y in zip(LOGITS[rows].split(50), LABELS[rows].split(50), strict=True):
            metric.update(z, y)
    copied = pickle.loads(pickle.dumps(copy.deepcopy(first)))
    copied.merge_state(second)
    assert numbers(copied.compute()) == whole()
    assert copied.accumulator().reliability_bins().count.sum() == whole()["rows"]
    copied.reset()
    with pytest.raises(ValueError, match="call update first"), pytest.warns(UserWarning, match="before the ``update``"):
        copied.compute()


def test_processes_are_summed_by_torchmetrics_to_the_same_bits() -> None:
    """Its own reduction, with the other process's states handed over as its all_gather would."""
    parts = [calibration_metric(**SETTINGS) for _ in range(3)]
    for metric, rows in zip(parts, (slice(0, 7), slice(7, 200), slice(200, 300)), strict=True):
        metric.update(LOGITS[rows], LABELS[rows])
    states = [{name: value.clone() for name, value in metric.metric_state.items()} for metric in parts]
    order = iter(states[0])

    def gathered(state: torch.Tensor, group: Any = None) -> list[torch.Tensor]:
        name = next(order)
        return [each[name] for each in states]

    parts[0].dist_sync_fn, parts[0].distributed_available_fn = gathered, lambda: True
    assert numbers(parts[0].compute()) == whole()
    assert int(parts[0].rows) == int(states[0]["rows"]), "afterwards each process holds its own rows again"


def test_a_batch_of_its_own_and_the_sum_of_all() -> None:
    from torchmetrics import MetricCollection
    from torchmetrics.classification import MulticlassAccuracy

    accuracy = MulticlassAccuracy(5, average="micro", ignore_index=-1)
    both = MetricCollection({"ours": calibration_metric(**SETTINGS), "theirs": accuracy})
    for z, y in zip(LOGITS.split(100), LABELS.split(100), strict=True):
        found = both(z, y)
        alone = CalibrationAccumulator(**SETTINGS)
        alone.update(y, logits=z)
        assert found["accuracy"].item() == alone.compute()["accuracy"]
    found = both.compute()
    assert found["nll"].item() == whole()["nll"]
    assert found["accuracy"].item() == pytest.approx(found["theirs"].item(), abs=1e-6)


def test_positions_and_probabilities() -> None:
    metric = calibration_metric("probs", **{**SETTINGS, "ignore_index": -1})
    wide = LOGITS.double().softmax(-1).reshape(30, 10, 5).movedim(-1, 1)
    metric.update(wide, LABELS.reshape(30, 10))
    last = calibration_metric("probs", **SETTINGS, class_dim=-1)
    last.update(wide.movedim(1, -1), LABELS.reshape(30, 10))
    assert numbers(metric.compute()) == numbers(last.compute())
    assert metric.compute()["nll"].item() == pytest.approx(whole()["nll"], rel=1e-12)


@pytest.mark.parametrize("value", [0, 1, -1, 2**31, -(2**32), 2**1126, -(2**2190) + 5])
def test_whole_numbers_of_any_size_survive_any_sum(value: int) -> None:
    layout = Layout(((("x", 2),),))
    rows = [to_limbs({"sums": [{"x": [hex(each), hex(-each)]}]}, layout) for each in (value, 3, value)]
    total = int(of_limbs(sum(rows, layout.zeros()), layout)[0]["x"][0], 16)
    assert total == 2 * value + 3


def test_what_does_not_fit_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="preds must be one of"):
        calibration_metric("scores")
    with pytest.raises(ValueError, match="class_dim= says where the classes are"):
        calibration_metric().update(torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(AttributeError, match="calibration_metric"):
        ours.Nothing  # noqa: B018
    assert isinstance(calibration_metric(), ours.CalibrationMetric)


def test_the_example_of_the_docstring() -> None:
    text = (ours.calibration_metric.__doc__ or "").replace("  # doctest: +SKIP", "")
    examples = doctest.DocTestParser().get_doctest(text, vars(ours).copy(), "calibration_metric", None, 0)
    assert doctest.DocTestRunner().run(examples).failed == 0
    assert len(examples.examples) >= 3 and np.isfinite(whole()["ece"])
