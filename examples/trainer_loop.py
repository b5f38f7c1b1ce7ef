"""A training loop of one's own: windows of accumulated batches, and an evaluation against hard labels."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from labelsmooth import CrossEntropyLoss
from labelsmooth.integrations.loop import Evaluation, windows


def blobs(count: int) -> TensorDataset:
    """Points about three corners."""
    labels = torch.randint(0, 3, (count,))
    return TensorDataset(2 * nn.functional.one_hot(labels, 4) + torch.randn(count, 4), labels)


if __name__ == "__main__":
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    criterion = CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    train, test = DataLoader(blobs(300), batch_size=8), DataLoader(blobs(100), batch_size=32)
    for _ in range(3):
        for window in windows(train, steps=4):
            for features, labels in window.batches:
                criterion(model(features), labels, num_items=window.num_items).backward()
            optimizer.step()
            optimizer.zero_grad()
    evaluation = Evaluation(criterion)
    with torch.no_grad():
        for features, labels in test:
            evaluation.add(model(features), labels)
    for name, value in evaluation.compute().items():
        print(f"{name:20} {value:.4f}")
