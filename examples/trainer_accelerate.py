"""A loop with Accelerate: the same gradients on any number of processes, and figures without repeated rows.

Needs `pip install 'labelsmooth[trainers]'`. On two processes:

    accelerate launch --cpu --num_processes 2 examples/trainer_accelerate.py
"""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from labelsmooth import CrossEntropyLoss
from labelsmooth.integrations.accelerate import Evaluation, micro_batches, windows


def blobs(count: int) -> TensorDataset:
    """Points about three corners."""
    labels = torch.randint(0, 3, (count,))
    return TensorDataset(2 * nn.functional.one_hot(labels, 4) + torch.randn(count, 4), labels)


if __name__ == "__main__":
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=4)
    net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    model, optimizer, train, test = accelerator.prepare(
        net, torch.optim.Adam(net.parameters(), lr=0.02), DataLoader(blobs(300), batch_size=8),
        DataLoader(blobs(101), batch_size=32),
    )  # fmt: skip
    criterion = CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(3):
        for window in windows(accelerator, train):
            for features, labels in micro_batches(accelerator, model, window):
                accelerator.backward(criterion(model(features), labels, num_items=window.num_items))
            optimizer.step()
            optimizer.zero_grad()
    evaluation = Evaluation(accelerator, criterion)
    with torch.no_grad():
        for features, labels in test:
            evaluation.add(model(features), labels)
    for name, value in evaluation.compute().items():
        accelerator.print(f"{name:20} {value:.4f}")
