"""Products in 8 bits: whole numbers times whole numbers, scaled by row.

Each row of a weight has a scale, and each row of an input has one of its own, so that a row says
the same alone and among others. One row is half as long as in bf16, because there is half as much
to read, and many rows are shorter too. Knows no layers: what is quantized is as ``rotation`` left
it.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from homespun_model.engines.dense_products import Product

LARGEST = 127
MIDDLE = 128  # inputs are held as numbers above nought, this much larger
TINY = 1e-30  # what keeps a row of nothing from being divided by nothing
ROWS = 1024  # of a weight quantized at a time: more leave gaps in memory

_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Int8Rows:
    """A weight (outputs, inputs): ``numbers`` times ``scales``."""

    numbers: Tensor
    """(outputs, inputs), int8, from -127 to 127"""
    scales: Tensor
    """(outputs,), float32"""

    def clone(self) -> Int8Rows:
        """On numbers of its own."""
        return Int8Rows(self.numbers.clone(), self.scales.clone())

    def rows(self, which: Tensor) -> Tensor:
        """Some of its rows, (many, inputs), float32."""
        return Int8Rows(self.numbers[which], self.scales[which]).all()

    def all(self) -> Tensor:
        """(outputs, inputs), float32."""
        return self.numbers.float().mul_(self.scales.unsqueeze(1))


def int8_rows(rows: Tensor, how: Callable[[Tensor], Tensor] = Tensor.float) -> Int8Rows:
    """``rows`` (outputs, inputs), made float32 by ``how``, in 8 bits; a part of them at a time."""
    numbers, scales = torch.empty(rows.shape, dtype=torch.int8), torch.empty(len(rows))
    parts = (torch.split(each, ROWS) for each in (rows, numbers, scales))
    for part, their_numbers, their_scales in zip(*parts, strict=True):
        exact = how(part)
        torch.div(exact.abs().amax(1).clamp_(min=TINY), LARGEST, out=their_scales)
        their_numbers.copy_((exact / their_scales.unsqueeze(1)).round_())
    return Int8Rows(numbers, scales)


def int8_products(weights: Iterable[tuple[Int8Rows, Tensor | None]]) -> list[Product]:
    """The product with each weight and its bias, on copies of them; of float32 and into it.

    Bringing half a gigabyte in order takes one core two seconds: all that torch has take part.
    """
    each = [(weight.numbers, *_scaled(weight), bias) for weight, bias in weights]
    with _fbgemm(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(_product, *zip(*each, strict=True)))


def int8_product(weight: Int8Rows, bias: Tensor | None) -> Product:
    """``int8_products`` of one, on this thread."""
    with _fbgemm():
        return _product(weight.numbers, *_scaled(weight), bias)


def _scaled(weight: Int8Rows) -> tuple[Tensor, Tensor]:
    """Scales and zeros as torch's quantized tensors have them. Not for many threads at once: each
    would wake all the others for a long row of numbers."""
    return weight.scales.double(), torch.zeros(len(weight.scales), dtype=torch.long)


def _product(numbers: Tensor, scales: Tensor, zeros: Tensor, bias: Tensor | None) -> Product:
    """``_fbgemm`` is chosen."""
    whole = torch._make_per_channel_quantized_tensor(numbers, scales, zeros, 0)
    held = _ops().linear_prepack(whole, None)  # in the order that the product wants, a copy
    multiply = _ops().linear_with_input_q_dq_qweight_dq_output_fp32.default

    def product(x: Tensor) -> Tensor:
        largest = x.abs().amax(1, keepdim=True).clamp_(min=TINY)
        y: Tensor = multiply(x / largest, 1 / LARGEST, MIDDLE, held)
        return y.mul_(largest) if bias is None else torch.addcmul(bias, y, largest)

    return product


@cache
def has_int8_products() -> bool:
    """Whether this torch and this processor have them, and right.

    Without VNNI two products are added in 16 bits, where large ones do not fit.
    """
    weight = Int8Rows(torch.full((64, 256), LARGEST, dtype=torch.int8), torch.ones(64))
    for rows in (1, 7):
        try:
            found = int8_product(weight, None)(torch.ones(rows, 256))
        except (AttributeError, RuntimeError):
            return False
        if not torch.allclose(found, torch.tensor(256.0 * LARGEST)):
            return False
    return True


def _ops() -> Any:
    return torch.ops.quantized


@contextmanager
def _fbgemm() -> Iterator[None]:
    """The only one of torch's libraries that has the product: chosen while weights are packed, for
    all threads, by one at a time.

    That it will be gone from some later torch needs no saying: there is bf16 then.
    """
    chosen = torch.backends.quantized
    with _one_at_a_time:
        before = chosen.engine
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                chosen.engine = "fbgemm"
                yield
        finally:
            chosen.engine = before
