"""A causal language model in transformers' Trainer, with accumulated batches of uneven length.

Needs `pip install 'labelsmooth[hf]'`. The model is made from its configuration: nothing is downloaded.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from labelsmooth.integrations.huggingface import compute_loss_func

VOCABULARY = 12


def rows(count: int) -> list[dict[str, torch.Tensor]]:
    """Texts that count upwards, some twice as long as others."""
    starts, lengths = torch.randint(0, VOCABULARY, (count,)), torch.randint(4, 12, (count,))
    return [{"input_ids": (s + torch.arange(int(n))) % VOCABULARY} for s, n in zip(starts, lengths, strict=True)]


def collate(given: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Pad to the longest; padding has the label −100."""
    ids = [row["input_ids"] for row in given]
    padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=0)
    labels = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=-100)
    return {"input_ids": padded, "attention_mask": (labels != -100).long(), "labels": labels}


if __name__ == "__main__":
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    loss = compute_loss_func(0.1, shift=True)
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            model=LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=16, **sizes)),
            args=TrainingArguments(
                folder, per_device_train_batch_size=8, gradient_accumulation_steps=2, learning_rate=0.02, max_steps=20,
                save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True, logging_strategy="no",
                batch_eval_metrics=True,
            ),
            train_dataset=rows(128), eval_dataset=rows(40), data_collator=collate,
            compute_loss_func=loss, compute_metrics=loss.compute_metrics,
        )  # fmt: skip
        trainer.train()
        found = trainer.evaluate()
    for name in ("eval_loss", "eval_nll", "eval_smoothed_loss", "eval_ece", "eval_rows"):
        print(f"{name:20} {found[name]:.4f}")
