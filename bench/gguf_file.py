"""A model in llama.cpp's file format with its weights in eight bits, to be run beside ours.

    python bench/gguf_file.py MODEL.gguf EIGHT-BITS.gguf

writes the first model's weights as Q8_0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

_EIGHT_BITS = gguf.GGMLQuantizationType.Q8_0


def write_in_8_bits(source: Path, file: Path) -> None:
    """The model in ``source``, all of its matrices as Q8_0."""
    read = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(str(file), str(read.fields["general.architecture"].contents()))
    for name, field in read.fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            inner = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(name, field.contents(), field.types[0], inner)
    for tensor in read.tensors:
        exact = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if exact.ndim > 1:
            writer.add_tensor(tensor.name, quantize(exact, _EIGHT_BITS), raw_dtype=_EIGHT_BITS)
        else:
            writer.add_tensor(tensor.name, exact)
    _written(writer)


def _written(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_in_8_bits(Path(sys.argv[1]), Path(sys.argv[2]))
