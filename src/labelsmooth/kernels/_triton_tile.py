"""Device code that forward and backward share: which rows a program has, what it reads, and exp(z − peak).

Names: i_ index, o_ offsets, m_ mask, p_ pointers, s_ stride, b_ block in registers. A tile is (BLOCK_R rows, BLOCK_K
classes); one number a row is (BLOCK_R,). What a call does not have is None, and is left out when Triton compiles.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def rows_of(rows, per_sample, keep, BLOCK_R: tl.constexpr):
    """The program's rows in int64, which of them exist, which count, and their places (n, d)."""
    o_r = tl.program_id(0).to(tl.int64) * BLOCK_R + tl.arange(0, BLOCK_R)
    m_exist = o_r < rows
    m_r = m_exist
    if keep is not None:
        m_r = m_exist & (tl.load(keep + o_r, mask=m_exist, other=0) != 0)
    return o_r, m_exist, m_r, o_r // per_sample, o_r % per_sample


@triton.jit
def labels_of(labels, o_r, m_r, K):
    """Labels, 0 for one that is no class, and which of them are classes."""
    b_y = tl.zeros_like(o_r)
    b_valid = m_r
    if labels is not None:
        b_y = tl.load(labels + o_r, mask=m_r, other=0).to(tl.int64)
        b_valid = (b_y >= 0) & (b_y < K)
        b_y = tl.where(b_valid, b_y, 0)
    return b_y, b_valid


@triton.jit
def begin(p, s_n, s_d, i_n, i_d):
    """Where each row begins in a tensor with a class dimension."""
    p_rows = None
    if p is not None:
        p_rows = p + i_n * s_n + i_d * s_d
    return p_rows


@triton.jit
def begin_background(p, s_n, s_d, b_y, i_n, i_d, SPREAD: tl.constexpr):
    """Where each row's background begins, if it is read from memory."""
    p_rows = None
    if SPREAD == "by_class":
        p_rows = p + b_y * s_n
    elif SPREAD == "by_row" or SPREAD == "shared":
        p_rows = p + i_n * s_n + i_d * s_d
    return p_rows


@triton.jit
def logits_at(p_z, p_m, m, below, WIDE: tl.constexpr):
    """Logits, and which of them belong to classes that may have mass."""
    b_z = tl.load(p_z, mask=m, other=-float("inf")).to(WIDE)
    b_a = m & (b_z != -float("inf"))
    if below is not None:
        b_a = b_a & ~(b_z < below)
    if p_m is not None:
        b_a = b_a & (tl.load(p_m, mask=m, other=0) != 0)
    return b_z, b_a


@triton.jit
def tile_at(p_z, s_zk, p_m, s_mk, o_k, m, below, WIDE: tl.constexpr):
    """`logits_at` for a tile of classes."""
    p_mask = None
    if p_m is not None:
        p_mask = p_m[:, None] + o_k * s_mk
    return logits_at(p_z[:, None] + o_k * s_zk, p_mask, m, below, WIDE)


@triton.jit
def values_at(p, s_k, o_k, m, WIDE: tl.constexpr):
    """A tile of probabilities or of a background; None where there are none."""
    b_x = None
    if p is not None:
        b_x = tl.load(p[:, None] + o_k * s_k, mask=m, other=0).to(WIDE)
    return b_x


@triton.jit
def weighted(b_x, weight, o_k, K, WIDE: tl.constexpr):
    """Times the class weights."""
    if weight is not None:
        b_x = b_x * tl.load(weight + o_k, mask=o_k < K, other=0).to(WIDE)
    return b_x


@triton.jit
def background_at(
    p_r, s_rk, o_k, labels, b_y, b_whole, b_t, m,
    SPREAD: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """A tile of the background in proportion: before any mask, and of any total."""
    if SPREAD == "uniform":
        b_r = tl.where(m, 1.0, 0.0).to(WIDE)
    elif SPREAD == "others":
        if labels is not None:
            b_r = tl.where(m & (o_k != b_y[:, None]), 1.0, 0.0).to(WIDE)
        else:
            b_r = tl.where(m, b_whole[:, None] - b_t, 0.0)
    else:
        b_r = values_at(p_r, s_rk, o_k, m, WIDE)
    return b_r


@triton.jit
def exp_below(b_z, b_peak, EXACT: tl.constexpr):
    """exp(z − peak) for z ≤ peak; with EXACT in float32 to two units in the last place, and 0 below 1e-38.

    The hardware's exponential errs by 2⁻²⁴ times its argument, and so does a rounded difference. Here the difference
    keeps what rounding took from it, and what is left of it after n·log 2 is small enough for a polynomial.
    """
    b_d = b_z - b_peak
    if EXACT:
        b_v = b_d - b_z
        b_lost = (b_z - (b_d - b_v)) - (b_peak + b_v)
        b_some = b_d > -87.0
        b_c = tl.where(b_some, b_d, -87.0)
        b_n = tl.floor(b_c * 1.4426950408889634 + 0.5)
        b_x = (b_c - b_n * 0.693145751953125) - b_n * 1.4286068203094173e-06 + tl.where(b_some, b_lost, 0.0)
        b_p = 1.0 / 720 + b_x * (1.0 / 5040)
        b_p = 0.5 + b_x * (1.0 / 6 + b_x * (1.0 / 24 + b_x * (1.0 / 120 + b_x * b_p)))
        b_p = 1.0 + (b_x + b_x * b_x * b_p)
        b_two_to_n = ((b_n.to(tl.int32) + 127) << 23).to(tl.float32, bitcast=True)
        b_e = tl.where(b_some, b_p * b_two_to_n, 0.0)
    else:
        b_e = tl.exp(b_d)
    return b_e
