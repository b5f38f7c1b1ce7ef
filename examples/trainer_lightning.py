"""A classifier in Lightning: accumulation is exact, validation hard, calibration logged.

Needs `pip install 'labelsmooth[trainers]'`; with the package `lightning` import lightning.pytorch instead.
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from labelsmooth import CrossEntropyLoss
from labelsmooth.integrations.lightning import smoothing_callback


class Net(pl.LightningModule):
    """Blobs of three classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
        self.criterion = CrossEntropyLoss(label_smoothing=0.1)

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Smoothed."""
        return self.criterion(self.layers(batch[0]), batch[1])

    def validation_step(self, batch: list[Tensor], index: int) -> None:
        """Hard, by the callback."""
        self.log("val_loss", self.criterion(self.layers(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """As always."""
        return torch.optim.Adam(self.parameters(), lr=0.02)


def blobs(count: int) -> TensorDataset:
    """Points about three corners."""
    labels = torch.randint(0, 3, (count,))
    return TensorDataset(2 * nn.functional.one_hot(labels, 4) + torch.randn(count, 4), labels)


if __name__ == "__main__":
    torch.manual_seed(0)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", devices=1, accumulate_grad_batches=4, callbacks=[smoothing_callback()],
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Net(), DataLoader(blobs(300), batch_size=8), DataLoader(blobs(100), batch_size=32))
    for name in ("val_loss", "val_nll", "val_smoothed_loss", "val_ece"):
        print(f"{name:20} {float(trainer.callback_metrics[name]):.4f}")
