"""Products of matrices and of neighbours: against double precision, whatever the shapes; what they are compiled to."""

import re
from typing import Any

import llvmlite.binding
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from part_code import code_of_part

from sharpear.compiler import Floats, kernel
from sharpear.compiler.lagged import _sum_block, sum_lagged
from sharpear.compiler.products import ALONE, ANYTHING, LANES, ROWS, VECTORS, _add_block, add_products

binding: Any = llvmlite.binding
UP_TO = 9 * 16  # beyond the widest block of any processor
EIGHT = 8

TARGETS = {
    "AVX2": ("x86_64-unknown-linux-gnu", "haswell", r"vfmadd\d+ps\s.*%ymm", r"\(%rsp", 8),
    "NEON": ("aarch64-unknown-linux-gnu", "cortex-a76", r"fmla\s+v\d+\.4s", r"\[sp", 4),
}
"""Of each processor: how it is named; a fused product and sum in lanes; what is on the stack; lanes of a vector."""


@given(st.integers(1, 2 * ROWS + 1), st.integers(0, 70), st.integers(1, UP_TO), st.booleans())
def test_products_are_those_of_double_precision_and_rows_are_as_if_each_were_alone(rows, inner, columns, bounded):
    random = np.random.default_rng(rows * inner * columns)
    x, weights, before = (
        random.standard_normal(shape).astype(np.float32) for shape in ((rows, inner), (inner, columns), (rows, columns))
    )
    least = np.float32(0.0) if bounded else ANYTHING
    out, alone = before.copy(), before.copy()
    add_products(x, weights, least, out)
    for row in range(rows):
        add_products(x[row : row + 1], weights, least, alone[row : row + 1])
    np.testing.assert_array_equal(out, alone)
    expected = np.maximum(before + x.astype(np.float64) @ weights, least)
    np.testing.assert_allclose(out, expected, atol=1e-6 * (2 + inner))


@given(st.integers(0, 40), st.integers(1, 24), st.integers(1, 12), st.integers(1, 10))
def test_lagged_products_are_those_of_double_precision(lag, more, samples, weights):
    count = lag + more
    random = np.random.default_rng(1000 * lag + 100 * more + 10 * samples + weights)
    real, imag = random.standard_normal((2, samples, count + LANES)).astype(np.float32)
    weight = random.standard_normal((samples, weights)).astype(np.float32)
    out = np.zeros((2, weights, count + LANES), np.float32)
    sum_lagged(lag, count, real, imag, weight, *out)
    z = real.astype(np.float64) + 1j * imag
    expected = weight.T.astype(np.float64) @ (z[:, lag:count].conj() * z[:, :more])
    np.testing.assert_allclose(out[0, :, lag:count] + 1j * out[1, :, lag:count], expected, atol=1e-5)
    assert not out[..., :lag].any()


@kernel
def lagged(x: Floats, weights: Floats, out: Floats) -> None:
    _sum_block(1, 1, x, weights, 0, weights, out, x, 4, EIGHT)


@kernel
def together(x: Floats, weights: Floats, out: Floats) -> None:
    _add_block(x, 0, weights, 0, ANYTHING, out, ROWS, VECTORS, EIGHT)


@kernel
def alone(x: Floats, weights: Floats, out: Floats) -> None:
    _add_block(x, 0, weights, 0, ANYTHING, out, 1, ALONE, EIGHT)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("block", "sums"), [(together, ROWS * VECTORS), (alone, ALONE), (lagged, 4 * 2 + 1)])
def test_sums_stay_in_registers_and_all_are_in_lanes(block: Any, sums: int, target: str) -> None:
    triple, processor, fused, stack, lanes = TARGETS[target]
    zeros = np.zeros((EIGHT, EIGHT * ALONE), np.float32)
    loop = _innermost_loop(_assembly(code_of_part(block, zeros, zeros, zeros), triple, processor))
    assert len(re.findall(fused, loop)) == sums * EIGHT // lanes
    assert not re.search(stack, loop)


def _assembly(code: str, triple: str, processor: str) -> str:
    """What LLVM makes of its code for another processor."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    module = binding.parse_assembly(code)
    module.triple, module.data_layout = triple, str(machine.target_data)
    assembly: str = machine.emit_assembly(module)
    return assembly


def _innermost_loop(assembly: str) -> str:
    """The instructions from a label to the branch back to it between which products are summed up."""
    labels = re.findall(r"^(\.LBB\w+):((?:(?!^\.LBB).)*?\b(?:j\w+|b\.\w+)\s+\1\b)", assembly, re.MULTILINE | re.DOTALL)
    (loop,) = [body for _, body in labels if re.search(r"fmadd|fmla", body)]
    return str(loop)
