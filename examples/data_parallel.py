"""The same training in one process, under DistributedDataParallel and under FSDP2: the same weights at the end.

    torchrun --nproc-per-node 2 examples/data_parallel.py

Ranks have different numbers of rows that count, and some batches have none at all. `parallel.num_items` says what
to divide by, over the ranks and over the steps of accumulation at once.
"""

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from labelsmooth import CrossEntropyLoss, parallel

CLASSES, WINDOWS, ACCUMULATION = 50, 4, 2


def batches(rank: int, window: int):
    """Tokens and next tokens of one rank, ACCUMULATION batches; −100 where there is nothing to predict."""
    generator = torch.Generator().manual_seed(100 * window + rank)
    for step in range(ACCUMULATION):
        tokens = torch.randint(0, CLASSES, (6 + rank, 8), generator=generator)
        target = (3 * tokens + 1) % CLASSES
        target[torch.rand(target.shape, generator=generator) < 0.1 + 0.5 * rank] = -100
        if rank > 0 and step >= window:
            target[:] = -100  # in the first window nothing of this rank counts
        yield tokens.flatten(), target.flatten()


def fresh() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(CLASSES, 32), nn.Linear(32, CLASSES))


def train(model: nn.Module, windows, count) -> None:
    """One step of the optimizer for each window; `count` says what the losses of a window are divided by."""
    criterion = CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for window in windows:
        optimizer.zero_grad()
        items = count(*(target for _, target in window))
        for tokens, target in window:
            criterion(model(tokens), target, num_items=items).backward()
        optimizer.step()


def whole(model: nn.Module) -> list[torch.Tensor]:
    """The weights, put together where FSDP has them in pieces."""
    return [p.full_tensor() if hasattr(p, "full_tensor") else p for p in model.parameters()]


def main() -> None:
    distributed.init_process_group("gloo")  # "nccl" on GPUs
    rank, size = distributed.get_rank(), distributed.get_world_size()
    mine = [list(batches(rank, window)) for window in range(WINDOWS)]
    everything = [[batch for each in range(size) for batch in batches(each, window)] for window in range(WINDOWS)]

    alone = fresh()
    train(alone, everything, lambda *targets: sum(int((target != -100).sum()) for target in targets))

    models = {"DDP": DistributedDataParallel(fresh()), "FSDP2": fresh()}
    fully_shard(models["FSDP2"], mesh=init_device_mesh("cpu", (size,)))
    for name, model in models.items():
        train(model, mine, parallel.num_items)
        off = max(float((a - b).detach().abs().max()) for a, b in zip(whole(model), whole(alone), strict=True))
        if rank == 0:
            print(f"{name} on {size} ranks: weights differ from one process by {off:.1e} at most")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
