"""What llama.cpp is to run beside ours, in its file format: weights in eight bits, an adapter.

    python bench/gguf_file.py MODEL.gguf EIGHT-BITS.gguf

writes the first model's weights as Q8_0.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from homespun_model.engines.lora import Lora

_EIGHT_BITS = gguf.GGMLQuantizationType.Q8_0

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


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


def write_adapter(lora: Lora, architecture: str, file: Path) -> None:
    """An adapter, float32; of an architecture whose queries and keys llama.cpp does not reorder."""
    assert architecture in ("qwen2", "qwen3"), architecture
    writer = gguf.GGUFWriter(str(file), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    ranks = {len(factors.down) for factors in lora.values()}
    writer.add_float32("adapter.lora.alpha", float(max(ranks)))  # is in the factors already
    for name, factors in lora.items():
        written = _name(name)
        writer.add_tensor(f"{written}.lora_a", factors.down.numpy())
        writer.add_tensor(f"{written}.lora_b", factors.up.contiguous().numpy())
    _written(writer)


def _written(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _name(module: str) -> str:
    """What llama.cpp calls the weight of a module in a layer."""
    _, _, layer, rest = module.split(".", 3)
    return f"blk.{layer}.{_NAMES[rest]}.weight"


if __name__ == "__main__":
    write_in_8_bits(Path(sys.argv[1]), Path(sys.argv[2]))
