"""Augmented images are the same images, mirrored and moved; every method sees the same ones."""

import torch

from labelsmooth.augmentation import augmented


def test_each_image_is_mirrored_or_not_and_moved_as_a_whole():
    images = torch.arange(40 * 2 * 8 * 16.0).reshape(40, 2, 8, 16)
    made = augmented(images, torch.Generator().manual_seed(1))
    mirrored, steps = 0, set()
    for before, after in zip(images, made, strict=True):
        ways = [
            (flip, dy, dx)
            for flip in (False, True)
            for dy in (-1, 0, 1)
            for dx in (-2, -1, 0, 1, 2)
            if torch.equal(_moved(before.flip(2) if flip else before, dy, dx), after)
        ]
        assert len(ways) == 1
        mirrored += ways[0][0]
        steps.add(ways[0][1:])
    assert 10 <= mirrored <= 30 and len(steps) > 8


def _moved(image, dy, dx):
    rows = [min(max(i + dy, 0), 7) for i in range(8)]
    columns = [min(max(i + dx, 0), 15) for i in range(16)]
    return image[:, rows][:, :, columns]


def test_the_order_alone_decides():
    images = torch.rand(9, 1, 8, 8)
    one, two = (augmented(images, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, augmented(images, torch.Generator().manual_seed(4)))
