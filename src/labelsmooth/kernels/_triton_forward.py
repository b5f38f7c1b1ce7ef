"""Device code of the forward pass: one reading of the logits gives each row's loss and what backward needs of it.

Sums over a tile are in WIDE, the dtype of the loss; sums over tiles in ACC, float64 where there are several tiles. The
classes that hold the maximum are kept out of Σ exp and only counted, so that 1 − p of a confident class is a sum and no
difference.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ._triton_tile import (
    background_at,
    begin,
    begin_background,
    exp_below,
    labels_of,
    logits_at,
    rows_of,
    tile_at,
    values_at,
    weighted,
)

DOWN = tl.constexpr(2.0**-24)
"""Differences of logits are summed at this scale: a sum over all classes of float32's lowest number stays finite."""


@triton.jit
def amount_of(number, p_rows, s_rows, o_r, m_r, WIDE: tl.constexpr, BLOCK_R: tl.constexpr):
    """One of the target's factors, a number or one a row."""
    if p_rows is not None:
        b_amount = tl.load(p_rows + o_r * s_rows, mask=m_r, other=0).to(WIDE)
    else:
        b_amount = tl.full((BLOCK_R,), number, WIDE)
    return b_amount


@triton.jit
def total_of(p_t, s_tk, m_r, K, WIDE: tl.constexpr, ACC: tl.constexpr, BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr):
    """Σ t over all classes."""
    b_sum = tl.zeros((BLOCK_R,), ACC)
    for i_k in range(0, K, BLOCK_K):
        o_k = i_k + tl.arange(0, BLOCK_K)[None, :].to(tl.int64)
        b_sum += tl.sum(values_at(p_t, s_tk, o_k, m_r[:, None] & (o_k < K), WIDE), 1).to(ACC)
    return b_sum.to(WIDE)


@triton.jit
def climb(b_z, b_a, b_peak, b_rest, b_ties, EXACT: tl.constexpr, ACC: tl.constexpr):
    """Online softmax: the peak so far, how far it rose, Σ exp of what is below it, and how many classes reach it.

    No difference of infinities is taken, so the first tile, or any other, may hold nothing that is allowed.
    """
    b_new = tl.maximum(b_peak, tl.max(b_z, 1))
    b_base = tl.where(b_new > -float("inf"), b_new, 0.0)
    b_last = tl.where(b_peak > -float("inf"), b_peak, b_base)
    b_top = b_a & (b_z == b_base[:, None])
    b_e = tl.where(b_top, 0.0, exp_below(b_z, b_base[:, None], EXACT))
    b_rises = b_new > b_peak
    b_fade = exp_below(b_last, b_base, EXACT).to(ACC)
    b_rest = (b_rest + tl.where(b_rises, b_ties, 0.0)) * b_fade + tl.sum(b_e, 1).to(ACC)
    b_ties = tl.where(b_rises, 0.0, b_ties) + tl.sum(b_top.to(tl.float32), 1).to(ACC)
    return b_new, b_base, b_base.to(ACC) - b_last.to(ACC), b_rest, b_ties


@triton.jit
def add_part(b_mass, b_inner, b_v, b_d, b_rise, ACC: tl.constexpr):
    """Σ v and Σ v (z − peak)·DOWN after another tile."""
    b_inner = b_inner - b_rise * DOWN * b_mass + tl.sum(b_v * b_d, 1).to(ACC)
    return b_mass + tl.sum(b_v, 1).to(ACC), b_inner


@triton.jit
def read(
    p_z, s_zk, p_m, s_mk, below, p_t, s_tk, p_r, s_rk, weight, labels, b_y, b_whole, m_r, K,
    SPREAD: tl.constexpr, WIDE: tl.constexpr, EXACT: tl.constexpr, ACC: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """All sums over a row's classes; those of the two parts of the target that are spread are before any amount."""
    b_peak = tl.full((BLOCK_R,), -float("inf"), WIDE)
    b_base = tl.zeros((BLOCK_R,), WIDE)
    b_0 = tl.zeros((BLOCK_R,), ACC)
    b_rest, b_ties, b_bad, b_stray = b_0, b_0, b_0, b_0
    b_t_all, b_t_kept, b_t_mass, b_t_inner = b_0, b_0, b_0, b_0
    b_r_kept, b_r_mass, b_r_inner = b_0, b_0, b_0
    for i_k in range(0, K, BLOCK_K):
        o_k = i_k + tl.arange(0, BLOCK_K)[None, :].to(tl.int64)
        m = m_r[:, None] & (o_k < K)
        b_z, b_a = tile_at(p_z, s_zk, p_m, s_mk, o_k, m, below, WIDE)
        m_bad = b_a & ~(b_z < float("inf"))
        b_bad += tl.sum(m_bad.to(tl.float32), 1).to(ACC)
        b_z = tl.where(b_a & ~m_bad, b_z, -float("inf"))
        b_peak, b_base, b_rise, b_rest, b_ties = climb(b_z, b_a, b_peak, b_rest, b_ties, EXACT, ACC)
        b_d = tl.where(b_z > -float("inf"), b_z, b_base[:, None]) * DOWN - b_base[:, None] * DOWN
        b_t = values_at(p_t, s_tk, o_k, m, WIDE)
        if p_t is not None:
            b_v = weighted(b_t, weight, o_k, K, WIDE)
            b_stray += tl.sum((~b_a & (b_v != 0)).to(tl.float32), 1).to(ACC)
            b_t_all += tl.sum(b_t, 1).to(ACC)
            b_t_kept += tl.sum(tl.where(b_a, b_t, 0.0), 1).to(ACC)
            b_t_mass, b_t_inner = add_part(b_t_mass, b_t_inner, tl.where(b_a, b_v, 0.0), b_d, b_rise, ACC)
        if SPREAD != "none":
            b_r = background_at(p_r, s_rk, o_k, labels, b_y, b_whole, b_t, m, SPREAD, WIDE)
            b_r = tl.where(b_a, b_r, 0.0)
            b_r_kept += tl.sum(b_r, 1).to(ACC)
            b_r_mass, b_r_inner = add_part(b_r_mass, b_r_inner, weighted(b_r, weight, o_k, K, WIDE), b_d, b_rise, ACC)
    b_others = b_rest + (tl.maximum(b_ties, 1.0) - 1.0)
    b_restore = tl.where(b_t_kept > 0, b_t_all / tl.where(b_t_kept > 0, b_t_kept, 1.0), 1.0)
    m_stray = (b_stray > 0) & ~(b_t_kept > 0)
    return (
        b_base, b_others.to(WIDE), b_bad > 0, m_stray,
        b_restore.to(WIDE), b_t_mass.to(WIDE), b_t_inner.to(WIDE),
        b_r_kept.to(WIDE), b_r_mass.to(WIDE), b_r_inner.to(WIDE),
    )  # fmt: skip


@triton.jit
def share(b_own, b_on_t, b_on_r, labels, b_restore, b_kept, SPREAD: tl.constexpr):
    """Each part's amount per unit of it. t keeps its total; a background that is all forbidden goes to the own part."""
    if SPREAD != "none":
        m_some = b_kept > 0
        b_left = tl.where(m_some, 0.0, b_on_r)
        b_on_r = tl.where(m_some, b_on_r / tl.where(m_some, b_kept, 1.0), 0.0)
        if labels is not None:
            b_own = b_own + b_left
        else:
            b_on_t = b_on_t + b_left
    return b_own, b_on_t * b_restore, b_on_r


@triton.jit
def at_label(
    b_own, p_z, s_zk, p_m, s_mk, below, weight, b_base, b_y, m_r, WIDE: tl.constexpr
):  # fmt: skip
    """The label's own part with its class weight, (z − peak)·DOWN, and whether that is mass on a forbidden class."""
    p_mask = None
    if p_m is not None:
        p_mask = p_m + b_y * s_mk
    b_z, b_a = logits_at(p_z + b_y * s_zk, p_mask, m_r, below, WIDE)
    if weight is not None:
        b_own = b_own * tl.load(weight + b_y, mask=m_r, other=0).to(WIDE)
    return b_own, tl.where(b_a, b_z, b_base) * DOWN - b_base * DOWN, m_r & ~b_a & (b_own != 0)


@triton.jit
def log1p(b_x, WIDE: tl.constexpr):
    """log(1 + x) for x ≥ 0.

    In float64 the quotient undoes the rounding of 1 + x. The hardware's float32 logarithm errs absolutely near 1, so
    there it is 2·artanh(x/(2 + x)), a series.
    """
    b_u = 1.0 + b_x
    if tl.float64 == WIDE:
        m_same = b_u == 1.0
        b_log = tl.where(m_same, b_x, tl.log(b_u) * (b_x / tl.where(m_same, 1.0, b_u - 1.0)))
    else:
        b_s = tl.where(b_x < 1.0, b_x / (2.0 + b_x), 0.0)
        b_q = b_s * b_s
        b_p = 1.0 / 9 + b_q * (1.0 / 11 + b_q * (1.0 / 13 + b_q * (1.0 / 15)))
        b_p = 1.0 / 3 + b_q * (1.0 / 5 + b_q * (1.0 / 7 + b_q * b_p))
        b_log = tl.where(b_x < 1.0, 2.0 * (b_s + b_s * b_q * b_p), tl.log(b_u))
    return b_log


@triton.jit(do_not_specialize=["rows"])
def forward(
    z, s_zn, s_zk, s_zd, rows, per_sample, K, labels, keep, weight,
    on_label: tl.float64, label_rows, s_label, on_background: tl.float64, background_rows,
    s_background, on_given: tl.float64, given_rows, s_given,
    background, s_rn, s_rk, s_rd, given, s_tn, s_tk, s_td,
    class_mask, s_mn, s_mk, s_md, mask_below: tl.float64, losses, found,
    SPREAD: tl.constexpr, BELOW: tl.constexpr, WIDE: tl.constexpr, EXACT: tl.constexpr, ACC: tl.constexpr,
    BLOCK_R: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """Losses; and in `found` each row's peak, m/Σ exp, whether the peak outweighs the rest, and the parts' amounts."""
    o_r, m_exist, m_r, i_n, i_d = rows_of(rows, per_sample, keep, BLOCK_R)
    p_f, s_f = found + o_r, rows.to(tl.int64)
    b_y, m_valid = labels_of(labels, o_r, m_r, K)
    p_z = begin(z, s_zn, s_zd, i_n, i_d)
    p_m = begin(class_mask, s_mn, s_md, i_n, i_d)
    p_t = begin(given, s_tn, s_td, i_n, i_d)
    p_r = begin_background(background, s_rn, s_rd, b_y, i_n, i_d, SPREAD)
    below = None
    if BELOW:
        below = tl.full((1,), mask_below, WIDE)
    b_whole = None
    if SPREAD == "others" and labels is None:
        b_whole = total_of(p_t, s_tk, m_r, K, WIDE, ACC, BLOCK_R, BLOCK_K)
    b_base, b_others, m_bad, m_broken, b_restore, b_t_mass, b_t_inner, b_kept, b_r_mass, b_r_inner = read(
        p_z, s_zk, p_m, s_mk, below, p_t, s_tk, p_r, s_rk, weight, labels, b_y, b_whole, m_r, K,
        SPREAD, WIDE, EXACT, ACC, BLOCK_R, BLOCK_K,
    )  # fmt: skip
    b_own = amount_of(on_label, label_rows, s_label, o_r, m_r, WIDE, BLOCK_R)
    b_on_r = amount_of(on_background, background_rows, s_background, o_r, m_r, WIDE, BLOCK_R)
    b_on_t = amount_of(on_given, given_rows, s_given, o_r, m_r, WIDE, BLOCK_R)
    b_own, b_on_t, b_on_r = share(b_own, b_on_t, b_on_r, labels, b_restore, b_kept, SPREAD)
    m_broken = m_broken & (b_on_t != 0)
    b_mass = b_on_t * b_t_mass + b_on_r * b_r_mass
    b_inner = b_on_t * b_t_inner + b_on_r * b_r_inner
    if labels is not None:
        b_own, b_d, m_lost = at_label(b_own, p_z, s_zk, p_m, s_mk, below, weight, b_base, b_y, m_r, WIDE)
        m_broken = m_broken | m_lost
        b_mass += b_own
        b_inner += b_own * b_d
    m_bad = (m_bad & ~m_broken) | ~m_valid
    b_loss = tl.where(m_broken, float("inf"), b_mass * log1p(b_others, WIDE) - b_inner / DOWN)
    tl.store(losses + o_r, tl.where(m_r, tl.where(m_bad, float("nan"), b_loss), 0.0), mask=m_exist)
    b_scale = tl.where(m_bad, float("nan"), b_mass / (1.0 + b_others))
    m_live = m_r & ~m_broken
    tl.store(p_f, b_base, mask=m_exist)
    tl.store(p_f + s_f, tl.where(m_live | m_bad, b_scale, 0.0), mask=m_exist)
    tl.store(p_f + 2 * s_f, tl.where(b_others < 1.0, 1.0, 0.0), mask=m_exist)
    tl.store(p_f + 3 * s_f, tl.where(m_live, b_own, 0.0), mask=m_exist)
    tl.store(p_f + 4 * s_f, tl.where(m_live, b_on_t, 0.0), mask=m_exist)
    tl.store(p_f + 5 * s_f, tl.where(m_live, b_on_r, 0.0), mask=m_exist)
