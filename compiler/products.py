"""Products of matrices whose sums stay in registers, which compilers of loops do not get out of three of them."""

from typing import Any

import llvmlite.binding
import llvmlite.ir
import numba.core.cgutils
import numpy as np
from numba import types
from numba.extending import intrinsic

from .arrays import Floats
from .cache import kernel

ANYTHING = np.float32(-np.inf)
"""What sums are at least, where they may be anything."""

binding: Any = llvmlite.binding
ir: Any = llvmlite.ir
cgutils: Any = numba.core.cgutils

LANES = 16 if binding.get_host_cpu_features().get("avx512f") else 8
"""Columns of a vector, as many as the processor adds at once."""

HALF = 8
"""Columns of the vectors that take what is left beside those."""

ROWS, VECTORS = 4, 2
"""Rows and vectors that are summed up together: 8 sums, by which an addition is done before its sum is needed again."""

ALONE = 4
"""Vectors of a row that are summed up together where there are not so many rows: more would not all be held by NEON."""


@kernel(apart=True)
def add_products(x: Floats, weights: Floats, least: np.float32, out: Floats) -> None:
    """``out[i, u] ← max(out[i, u] + Σ_n x[i, n] weights[n, u], least)``, fast for columns that fill lanes, 8 together.

    The sum is over as many n as `weights` has: of an `x` with shorter rows, one right behind the other, it goes on in
    the next ones. So a convolution is one product.

    >>> x, out = np.ones((3, 2), np.float32), np.zeros((2, 8), np.float32)
    >>> add_products(x, np.ones((4, 8), np.float32), ANYTHING, out)
    >>> out[:, 0]
    array([4., 4.], dtype=float32)
    """
    rows, columns = out.shape
    together = rows - rows % ROWS
    wide, single = columns - columns % (VECTORS * LANES), columns - columns % LANES
    full = columns - columns % HALF
    widest = columns - columns % (ALONE * LANES)
    for unit in range(0, wide, VECTORS * LANES):
        for row in range(0, together, ROWS):
            _add_block(x, row, weights, unit, least, out, ROWS, VECTORS, LANES)
    for row in range(together, rows):
        for unit in range(0, widest, ALONE * LANES):
            _add_block(x, row, weights, unit, least, out, 1, ALONE, LANES)
        for unit in range(widest, wide, VECTORS * LANES):
            _add_block(x, row, weights, unit, least, out, 1, VECTORS, LANES)
    for unit in range(wide, single, LANES):
        for row in range(0, together, ROWS):
            _add_block(x, row, weights, unit, least, out, ROWS, 1, LANES)
        for row in range(together, rows):
            _add_block(x, row, weights, unit, least, out, 1, 1, LANES)
    for unit in range(single, full, HALF):
        for row in range(0, together, ROWS):
            _add_block(x, row, weights, unit, least, out, ROWS, 1, HALF)
        for row in range(together, rows):
            _add_block(x, row, weights, unit, least, out, 1, 1, HALF)
    for unit in range(full, columns):
        for row in range(rows):
            for n in range(weights.shape[0]):
                out[row, unit] += x[row, n] * weights[n, unit]
            out[row, unit] = max(out[row, unit], least)


def _block(
    typing: Any,
    x: Any,
    row: Any,
    weights: Any,
    unit: Any,
    least: Any,
    out: Any,
    rows: Any,
    vectors: Any,
    lanes: Any,
) -> tuple[Any, Any]:
    """The same for a block of so many rows and vectors of `out`, which is loaded and stored once."""
    index = types.intp
    width = lanes.literal_value
    vector = ir.VectorType(ir.FloatType(), width)
    block = [(r, width * v) for r in range(rows.literal_value) for v in range(vectors.literal_value)]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def array(n: int) -> Any:
            return context.make_array(signature.args[n])(context, builder, arguments[n])

        def past(begin: Any, more: int) -> Any:
            return builder.add(begin, ir.Constant(begin.type, more))

        inputs, factors, sums = array(0), array(2), array(5)
        first, column = arguments[1], arguments[3]
        places = [address(builder, sums, past(first, r), past(column, u), vector) for r, u in block]
        totals = [cgutils.alloca_once_value(builder, builder.load(place, align=4)) for place in places]
        with cgutils.for_range(builder, cgutils.unpack_tuple(builder, factors.shape, 2)[0]) as loop:
            loaded = {
                u: builder.load(address(builder, factors, loop.index, past(column, u), vector), align=4)
                for u in range(0, width * vectors.literal_value, width)
            }
            given = {
                r: spread(
                    builder, builder.load(address(builder, inputs, past(first, r), loop.index, ir.FloatType())), vector
                )
                for r in range(rows.literal_value)
            }
            for (r, u), total in zip(block, totals, strict=True):
                product = builder.fmul(given[r], loaded[u], flags=("contract",))
                builder.store(builder.fadd(builder.load(total), product, flags=("contract",)), total)
        bound = spread(builder, arguments[4], vector)
        for place, total in zip(places, totals, strict=True):
            end = builder.load(total)
            builder.store(builder.select(builder.fcmp_ordered(">", end, bound), end, bound), place, align=4)
        return context.get_dummy_value()

    return types.void(x, index, weights, index, types.float32, out, rows, vectors, lanes), generate


_add_block: Any = intrinsic(prefer_literal=True)(_block)


def spread(builder: Any, value: Any, vector: Any) -> Any:
    """The value in every lane."""
    nothing, lane = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, value, ir.Constant(lane, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(lane, vector.count), [0] * vector.count))


def address(builder: Any, of: Any, i: Any, j: Any, kind: Any) -> Any:
    """Where an element of an array of two axes, or what begins with it, lies."""
    steps = cgutils.unpack_tuple(builder, of.strides, 2)
    offset = builder.add(builder.mul(i, steps[0]), builder.mul(j, steps[1]))
    return builder.bitcast(cgutils.pointer_add(builder, of.data, offset), kind.as_pointer())
