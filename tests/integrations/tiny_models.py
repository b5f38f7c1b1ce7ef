"""Models of transformers with a few hundred numbers, made from their configuration, and rows of uneven length."""

from __future__ import annotations

from typing import Any

import torch

VOCABULARY, LABELS = 20, 5
LENGTHS = (3, 9, 5, 12, 2, 7, 11, 4, 6, 8)
BERT: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 8, "max_position_embeddings": 16, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


def build(kind: str) -> torch.nn.Module:
    """The same weights each time."""
    import transformers as hf

    torch.manual_seed(0)
    if kind == "gpt2":
        sizes = {"vocab_size": VOCABULARY, "n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2}
        dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
        return hf.GPT2LMHeadModel(hf.GPT2Config(**sizes, **dropout, bos_token_id=0, eos_token_id=1))
    if kind == "llama":
        sizes = {"vocab_size": VOCABULARY, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
        return hf.LlamaForCausalLM(hf.LlamaConfig(**sizes, num_attention_heads=2, max_position_embeddings=16))
    if kind == "t5":
        sizes = {"vocab_size": VOCABULARY, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
        return hf.T5ForConditionalGeneration(hf.T5Config(**sizes, dropout_rate=0.0, decoder_start_token_id=0))
    heads = {"masked": "BertForMaskedLM", "tokens": "BertForTokenClassification"}
    problem = {"multi": "multi_label_classification"}.get(kind)
    config = hf.BertConfig(**BERT, num_labels=LABELS, problem_type=problem)
    return getattr(hf, heads.get(kind, "BertForSequenceClassification"))(config)


def rows(kind: str) -> list[dict[str, Any]]:
    """Rows of uneven length, with labels that fit the head; some positions have none."""
    g = torch.Generator().manual_seed(1)
    made = []
    for length in LENGTHS:
        ids = torch.randint(2, VOCABULARY, (length,), generator=g)
        made.append({"input_ids": ids, "labels": _labels(kind, ids, g)})
    return made


def _labels(kind: str, ids: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    if kind == "rows":
        return torch.randint(0, LABELS, (), generator=g)
    if kind == "multi":
        return torch.randint(0, 2, (LABELS,), generator=g).float()
    if kind == "t5":
        return torch.randint(2, VOCABULARY, (len(ids) + 1,), generator=g)
    labels = ids.clone() if kind != "tokens" else torch.randint(0, LABELS, ids.shape, generator=g)
    return torch.where(torch.rand(ids.shape, generator=g) < 0.3, -100, labels)


def collate(given: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Pad each batch to its own longest row; decoders start with 0 and see the labels before."""
    labels = [row["labels"] for row in given]
    uneven = labels[0].ndim == 1 and not labels[0].is_floating_point()
    made = {
        "input_ids": _padded([row["input_ids"] for row in given], 0),
        "attention_mask": _padded([torch.ones_like(row["input_ids"]) for row in given], 0),
        "labels": _padded(labels, -100) if uneven else torch.stack(labels),
    }
    if uneven and all(len(row["labels"]) == len(row["input_ids"]) + 1 for row in given):
        before = torch.nn.functional.pad(made["labels"][:, :-1], (1, 0), value=0)
        made["decoder_input_ids"] = before.masked_fill(before == -100, 0)
    return made


def _padded(given: list[torch.Tensor], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(given, batch_first=True, padding_value=value)
