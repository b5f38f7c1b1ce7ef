"""How logits lie on a mesh: which of its dimensions hold classes, which rows, and what lies there of other tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Partial, Placement, Replicate, Shard

REPLICATE = "with .redistribute(placements=[Replicate()])"


@dataclass(frozen=True)
class Layout:
    """class_at: the mesh dimension the classes are spread over, or None; rows: the placements of a tensor of rows."""

    mesh: DeviceMesh
    class_at: int | None
    rows: tuple[Placement, ...]

    @property
    def row_dims(self) -> list[int]:
        """The mesh dimensions over which the rows are spread."""
        return [at for at, placement in enumerate(self.rows) if placement.is_shard()]

    def of_rows(self, x: Tensor, name: str) -> Tensor:
        """This rank's part of a tensor with an entry for each row."""
        return self._local(x, name, self.rows, "rows", bool(self.row_dims))

    def whole(self, x: Tensor, name: str) -> Tensor:
        """A tensor that every rank has whole."""
        return self._local(x, name, (Replicate(),) * self.mesh.ndim, "classes", False)

    def like(self, x: Tensor, name: str, logits: DTensor) -> Tensor:
        """This rank's part of a tensor with an entry for each logit."""
        return self._local(x, name, tuple(logits.placements), "logits", True)

    def _local(self, x: Tensor, name: str, wanted: tuple[Placement, ...], what: str, spread: bool) -> Tensor:
        if not isinstance(x, DTensor):
            if not spread:
                return x
            raise ValueError(
                f"input is a DTensor whose {what} are spread over its mesh, but {name} is a plain tensor; give "
                f"{name} as a DTensor on the same mesh, with DTensor.from_local or distribute_tensor"
            )
        on_mesh(self.mesh, x, name)
        placed = x if tuple(x.placements) == wanted else x.redistribute(placements=wanted)
        return placed.to_local()


def layout_of(logits: DTensor, class_dim: int) -> Layout:
    """The layout of logits; a ValueError for one that has no meaning here."""
    rows: list[Placement] = []
    class_at = None
    for at, placement in enumerate(logits.placements):
        if placement.is_replicate():
            rows.append(Replicate())
        elif type(placement) is Shard and placement.dim % logits.ndim != class_dim:
            rows.append(Shard(placement.dim - (placement.dim > class_dim)))
        elif type(placement) is Shard and class_at is None:
            class_at = at
            rows.append(Replicate())
        else:
            raise ValueError(_refusal(logits, placement))
    return Layout(logits.device_mesh, class_at, tuple(rows))


def on_mesh(mesh: DeviceMesh, other: DTensor, name: str) -> None:
    """A ValueError where another tensor lies on another mesh than the input."""
    if other.device_mesh != mesh:
        raise ValueError(
            f"input lies on {shown(mesh)} but {name} on {shown(other.device_mesh)}; put both on one mesh, with "
            "distribute_tensor"
        )


def _refusal(logits: DTensor, placement: Placement) -> str:
    if isinstance(placement, Partial):
        return f"input is a DTensor of partial sums, {logits.placements}; add them up first, {REPLICATE} or [Shard(1)]"
    return (
        f"input has the placements {logits.placements}; the classes may be spread over one dimension of the mesh, by "
        "Shard: use .redistribute(placements=[…])"
    )


def shown(mesh: Any) -> str:
    """A mesh in a few words."""
    return f"a mesh of {'×'.join(map(str, mesh.shape))} ranks"
