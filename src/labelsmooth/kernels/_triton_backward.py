"""Device code of the backward pass: upstream·(m·p − q), the logits read once more and the gradient written once.

The gradient of a class that is likelier than all others together is minus the sum of theirs, so that p − q never
cancels there.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ._triton_forward import total_of
from ._triton_tile import (
    background_at,
    begin,
    begin_background,
    exp_below,
    labels_of,
    rows_of,
    tile_at,
    values_at,
    weighted,
)


@triton.jit
def target_at(
    b_own, b_on_t, b_on_r, p_t, s_tk, p_r, s_rk, weight,
    labels, b_y, b_whole, o_k, m, K, SPREAD: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    """A tile of q, for classes that are allowed."""
    b_q = tl.zeros_like(b_own)[:, None] + tl.zeros_like(o_k).to(WIDE)
    b_t = values_at(p_t, s_tk, o_k, m, WIDE)
    if p_t is not None:
        b_q += b_on_t[:, None] * b_t
    if SPREAD != "none":
        b_q += b_on_r[:, None] * background_at(p_r, s_rk, o_k, labels, b_y, b_whole, b_t, m, SPREAD, WIDE)
    b_q = weighted(b_q, weight, o_k, K, WIDE)
    if labels is not None:
        b_q += tl.where(o_k == b_y[:, None], b_own[:, None], 0.0)
    return b_q


@triton.jit(do_not_specialize=["rows"])
def backward(
    z, s_zn, s_zk, s_zd, rows, per_sample, K, labels, keep, weight,
    background, s_rn, s_rk, s_rd, given, s_tn, s_tk, s_td,
    class_mask, s_mn, s_mk, s_md, mask_below: tl.float64, found,
    upstream, s_upstream, gradient, s_gn, s_gk, s_gd,
    SPREAD: tl.constexpr, BELOW: tl.constexpr, WIDE: tl.constexpr, EXACT: tl.constexpr, ACC: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """The gradient; exactly 0 in rows that do not count and at forbidden classes."""
    o_r, m_exist, m_r, i_n, i_d = rows_of(rows, per_sample, keep, BLOCK_R)
    p_f, s_f = found + o_r, rows.to(tl.int64)
    b_y, _ = labels_of(labels, o_r, m_r, K)
    p_z = begin(z, s_zn, s_zd, i_n, i_d)
    p_g = begin(gradient, s_gn, s_gd, i_n, i_d)
    p_m = begin(class_mask, s_mn, s_md, i_n, i_d)
    p_t = begin(given, s_tn, s_td, i_n, i_d)
    p_r = begin_background(background, s_rn, s_rd, b_y, i_n, i_d, SPREAD)
    below = None
    if BELOW:
        below = tl.full((1,), mask_below, WIDE)
    b_whole = None
    if SPREAD == "others" and labels is None:
        b_whole = total_of(p_t, s_tk, m_r, K, WIDE, ACC, BLOCK_R, BLOCK_K)
    b_peak = tl.load(p_f, mask=m_exist, other=0)
    b_scale = tl.load(p_f + s_f, mask=m_exist, other=0)
    b_outweighs = tl.load(p_f + 2 * s_f, mask=m_exist, other=0)
    b_own = tl.load(p_f + 3 * s_f, mask=m_exist, other=0)
    b_on_t = tl.load(p_f + 4 * s_f, mask=m_exist, other=0)
    b_on_r = tl.load(p_f + 5 * s_f, mask=m_exist, other=0)
    b_up = tl.load(upstream + o_r * s_upstream, mask=m_r, other=0).to(WIDE)
    b_sum = tl.zeros((BLOCK_R,), ACC)
    i_top = tl.full((BLOCK_R,), -1, tl.int64)
    for i_k in range(0, K, BLOCK_K):
        o_k = i_k + tl.arange(0, BLOCK_K)[None, :].to(tl.int64)
        m = m_exist[:, None] & (o_k < K)
        b_z, b_a = tile_at(p_z, s_zk, p_m, s_mk, o_k, m & m_r[:, None], below, WIDE)
        m_top = b_a & (b_z == b_peak[:, None]) & (b_outweighs > 0)[:, None]
        b_e = exp_below(tl.where(b_a, b_z, b_peak[:, None]), b_peak[:, None], EXACT)
        b_g = b_scale[:, None] * b_e - target_at(
            b_own, b_on_t, b_on_r, p_t, s_tk, p_r, s_rk, weight, labels, b_y, b_whole, o_k, m, K, SPREAD, WIDE
        )
        b_sum += tl.sum(tl.where(b_a & ~m_top, b_g, 0.0), 1).to(ACC)
        i_top = tl.maximum(i_top, tl.max(tl.where(m_top, o_k, -1), 1))
        b_g = tl.where(b_a, b_g * b_up[:, None], 0.0)
        tl.store(p_g[:, None] + o_k * s_gk, b_g.to(gradient.dtype.element_ty), mask=m)
    tl.debug_barrier()  # the tile that held the top class is written before its gradient is put right
    b_top = (-b_sum * b_up.to(ACC)).to(WIDE)
    tl.store(p_g + i_top * s_gk, b_top.to(gradient.dtype.element_ty), mask=m_r & (i_top >= 0))
