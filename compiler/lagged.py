"""Products of neighbours, weighted and summed up, whose sums stay in registers."""

from typing import Any

import llvmlite.ir
import numba.core.cgutils
from numba import types
from numba.extending import intrinsic

from .arrays import Floats
from .cache import kernel
from .products import HALF, LANES, address, spread

ir: Any = llvmlite.ir
cgutils: Any = numba.core.cgutils

TOGETHER = 8 if LANES > HALF else 4
"""Weights that are summed up with together, two sums each: with more, processors of 16 registers would not hold all."""


@kernel(apart=True)
def sum_lagged(
    lag: int, count: int, real: Floats, imag: Floats, weights: Floats, out: Floats, out_imag: Floats
) -> None:
    """``out[m, i] ← Σ_n weights[n, m] z[n, i]* z[n, i − lag]``, i from `lag` on and below `count`, z = real + i imag.

    Rows of z and of `out` have `LANES` columns more than are counted: what comes of these means nothing.

    >>> import numpy as np
    >>> z, out = np.ones((2, 3 + LANES), np.float32), np.zeros((2, 1, 3 + LANES), np.float32)
    >>> sum_lagged(1, 3, z, 0 * z, np.array([[1], [2]], np.float32), *out)
    >>> out[0, 0, 1:3]
    array([3., 3.], dtype=float32)
    """
    several = weights.shape[1] - weights.shape[1] % TOGETHER
    for i in range(lag, count, LANES):
        if count - i > HALF:
            for m in range(0, several, TOGETHER):
                _sum_block(lag, i, real, imag, m, weights, out, out_imag, TOGETHER, LANES)
            for m in range(several, weights.shape[1]):
                _sum_block(lag, i, real, imag, m, weights, out, out_imag, 1, LANES)
        else:
            for m in range(0, several, TOGETHER):
                _sum_block(lag, i, real, imag, m, weights, out, out_imag, TOGETHER, HALF)
            for m in range(several, weights.shape[1]):
                _sum_block(lag, i, real, imag, m, weights, out, out_imag, 1, HALF)


def _block(
    typing: Any,
    lag: Any,
    place: Any,
    real: Any,
    imag: Any,
    weight: Any,
    weights: Any,
    out: Any,
    out_imag: Any,
    together: Any,
    lanes: Any,
) -> tuple[Any, Any]:
    """The same for so many weights, and lanes from a place on."""
    index = types.intp
    vector, scalar = ir.VectorType(ir.FloatType(), lanes.literal_value), ir.FloatType()
    sums = range(together.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def array(n: int) -> Any:
            return context.make_array(signature.args[n])(context, builder, arguments[n])

        def times(a: Any, b: Any) -> Any:
            return builder.fmul(a, b, flags=("contract",))

        z, factors, into, first = (array(2), array(3)), array(5), (array(6), array(7)), arguments[4]
        here, there = arguments[1], builder.sub(arguments[1], arguments[0])
        row = [builder.add(first, ir.Constant(first.type, m)) for m in sums]
        totals = [[cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in into] for _ in sums]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, factors.shape, 2)[0]) as loop:
            a, b = (builder.load(address(builder, part, loop.index, here, vector), align=4) for part in z)
            c, d = (builder.load(address(builder, part, loop.index, there, vector), align=4) for part in z)
            products = (
                builder.fadd(times(a, c), times(b, d), flags=("contract",)),
                builder.fsub(times(a, d), times(b, c), flags=("contract",)),
            )
            for m in sums:
                given = spread(builder, builder.load(address(builder, factors, loop.index, row[m], scalar)), vector)
                for total, product in zip(totals[m], products, strict=True):
                    more = builder.fadd(builder.load(total), times(given, product), flags=("contract",))
                    builder.store(more, total)
        for m in sums:
            for total, part in zip(totals[m], into, strict=True):
                builder.store(builder.load(total), address(builder, part, row[m], here, vector), align=4)
        return context.get_dummy_value()

    return types.void(index, index, real, imag, index, weights, out, out_imag, together, lanes), generate


_sum_block: Any = intrinsic(prefer_literal=True)(_block)
