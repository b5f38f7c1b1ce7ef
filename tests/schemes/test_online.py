"""Online: what it learns, from what, when; its state; several processes."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing

from labelsmooth import CrossEntropyLoss
from labelsmooth.schemes import Online
from labelsmooth.schemes import online as module

K = 4


def batch(n: int = 50, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return 2 * torch.randn((n, K), generator=g), torch.randint(K, (n,), generator=g)


def reference(z: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    """Mean softmax of the correctly predicted rows of each class; uniform where there is none."""
    logits = z.numpy().astype(np.longdouble)
    e = np.exp(logits - logits.max(1, keepdims=True))
    p, rows = e / e.sum(1, keepdims=True), np.full((K, K), np.longdouble(1) / K)
    for k in range(K):
        mine = (logits.argmax(1) == k) & (y.numpy() == k)
        if mine.any():
            rows[k] = p[mine].mean(0)
    return rows


def test_learns_the_mean_of_correct_predictions() -> None:
    z, y = batch()
    online = Online(0.5, K)
    for part in range(0, 50, 7):
        online.observe(z[part : part + 7], y[part : part + 7])
    assert torch.equal(online.table, torch.full((K, K), 0.25, dtype=torch.float64))
    online.advance()
    np.testing.assert_allclose(online.table.numpy(), reference(z, y).astype(float), rtol=0, atol=1e-15)


def test_a_class_without_a_correct_prediction_is_uniform() -> None:
    z, y = batch()
    online = Online(0.5, K)
    online.observe(z, torch.where(y == 2, 3, y))
    online.advance()
    assert torch.equal(online.table[2], torch.full((K,), 0.25, dtype=torch.float64))


def test_each_epoch_starts_from_nothing() -> None:
    online = Online(0.5, K)
    online.observe(*batch(seed=1))
    online.advance()
    z, y = batch(seed=2)
    online.observe(z, y)
    online.advance()
    np.testing.assert_allclose(online.table.numpy(), reference(z, y).astype(float), rtol=0, atol=1e-15)
    online.advance()
    assert torch.equal(online.table, torch.full((K, K), 0.25, dtype=torch.float64))


def test_forward_learns_nothing_and_steps_do_not_count() -> None:
    online = Online(0.5, K)
    z, y = batch()
    CrossEntropyLoss(label_smoothing=online)(z, y)
    online.advance("step")
    assert online.counts.sum() == 0
    online.observe(z.requires_grad_(), y)
    online.advance("step")
    assert online.counts.sum() > 0
    assert not online.sums.requires_grad


def test_ignored_and_non_finite_rows_are_passed_over() -> None:
    z, y = batch()
    spoiled, keep = z.clone(), y.clone()
    spoiled[0], spoiled[1, 0], keep[2] = torch.nan, torch.inf, -100
    online, clean = Online(0.5, K), Online(0.5, K)
    online.observe(spoiled, keep)
    clean.observe(z[3:], y[3:])
    assert torch.equal(online.counts, clean.counts)
    torch.testing.assert_close(online.sums, clean.sums)


def test_label_maps_and_classes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = batch(60)
    flat, map_, last = Online(0.5, K), Online(0.5, K), Online(0.5, K)
    monkeypatch.setattr(module, "ROWS", 17)
    flat.observe(z, y)
    map_.observe(z.reshape(5, 3, 4, K).movedim(-1, 1), y.reshape(5, 3, 4))
    last.observe(z.reshape(5, 12, K), y.reshape(5, 12), class_dim=-1)
    for other in (map_, last):
        torch.testing.assert_close(other.sums, flat.sums, rtol=0, atol=1e-14)
        assert torch.equal(other.counts, flat.counts)


def test_half_precision_logits_are_counted_exactly() -> None:
    z, y = batch()
    online = Online(0.5, K)
    online.observe(z.bfloat16(), y)
    online.advance()
    np.testing.assert_allclose(online.table.numpy(), reference(z.bfloat16().float(), y).astype(float), atol=1e-15)


def test_the_middle_of_an_epoch_is_saved() -> None:
    first, second = batch(seed=1), batch(seed=2)
    whole = CrossEntropyLoss(label_smoothing=Online(0.5, K))
    whole.label_smoothing.observe(*first)
    resumed = CrossEntropyLoss(label_smoothing=Online(0.5, K))
    resumed.load_state_dict(copy.deepcopy(whole.state_dict()))
    for loss in (whole, resumed):
        loss.label_smoothing.observe(*second)
        loss.label_smoothing.advance()
    assert torch.equal(whole.label_smoothing.table, resumed.label_smoothing.table)


def test_a_state_for_other_classes_is_refused() -> None:
    loss = CrossEntropyLoss(label_smoothing=Online(0.5, K))
    with pytest.raises(RuntimeError, match="size mismatch for label_smoothing"):
        loss.load_state_dict(CrossEntropyLoss(label_smoothing=Online(0.5, 3)).state_dict())


def test_T16_trainers_may_switch_it_off_and_on() -> None:
    z, y = batch()
    online = Online(0.5, K)
    loss = CrossEntropyLoss(label_smoothing=online)
    smooth = loss(z, y)
    loss.label_smoothing = 0.0
    assert torch.equal(loss(z, y), CrossEntropyLoss()(z, y))
    assert not list(loss.children())
    loss.label_smoothing = online
    assert torch.equal(loss(z, y), smooth)
    assert "label_smoothing.table" in loss.state_dict()


def test_what_it_cannot_observe() -> None:
    z, y = batch()
    online = Online(0.5, K)
    with pytest.raises(TypeError, match=r"observe needs class indices of an integer dtype; got torch\.float32"):
        online.observe(z, z.softmax(1))
    with pytest.raises(
        ValueError, match=r"observe needs logits with 4 classes in dimension 1 .* got \(50, 4\) and \(49,\)"
    ):
        online.observe(z, y[1:])
    with pytest.raises(ValueError, match=r"with 4 classes in dimension 1 .* got \(50, 3\) and \(50,\)"):
        online.observe(z[:, :3], y)


def _worker(rank: int, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    torch.set_num_threads(1)
    z, y = batch()
    online = Online(0.5, K)
    mine = slice(0, 13) if rank == 0 else slice(13, 50)
    online.observe(z[mine], y[mine])
    online.advance()
    torch.save(online.table, f"{folder}/{rank}")
    distributed.destroy_process_group()


def test_processes_end_with_the_table_of_all_their_rows(tmp_path: Path) -> None:
    multiprocessing.spawn(_worker, (str(tmp_path),), nprocs=2)
    tables = [torch.load(tmp_path / str(rank), weights_only=True) for rank in range(2)]
    assert torch.equal(*tables)
    np.testing.assert_allclose(tables[0].numpy(), reference(*batch()).astype(float), rtol=0, atol=1e-15)


def test_a_class_that_is_ignored_teaches_nothing() -> None:
    """Also where the ignored index is a class, and the model is right about it."""
    online = Online(0.5, 3)
    logits = torch.tensor([[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]])
    online.observe(logits, torch.tensor([0, 1, 2]), ignore_index=1)
    assert online.counts.tolist() == [1, 0, 1]
    assert online.sums[1].tolist() == [0.0, 0.0, 0.0]
