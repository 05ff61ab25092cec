// GGUF tensor blocks: to the operands of ONNX Runtime's MatMulNBits, and to f32 rows.
#pragma once
#include <cstdint>
#include <string>

namespace longleaf {

enum class TensorType { f32, f16, q8_0, q4_0, q4_1 };

/// Throws std::invalid_argument for a name that is none of them.
TensorType tensorType(const std::string& name);

/// Weights of a quantisation block.
constexpr int64_t kQuantBlock = 32;

/// Bytes of `columns` weights. Throws std::invalid_argument unless they fill whole blocks.
int64_t rowBytes(TensorType type, int64_t columns);

/// Bytes of the quants of one block in MatMulNBits' layout: 16 for 4 bit, 32 for 8 bit.
int64_t packedBlockBytes(TensorType type);

/// Quantised rows [rows][columns] to MatMulNBits with blocks of 32 (ONNX contrib operator):
///   quants  [rows][columns/32][16 or 32]: nibbles in order, the lower one first; Q8_0 as unsigned bytes q + 128
///   scales  [rows][columns/32] = d
///   minimums [rows][columns/32] = m + 8 d (Q4_1 only): with its zero point of 8 MatMulNBits computes d (q - 8), and
///            Q4_1 means d q + m = d (q - 8) + (m + 8 d), rounded once to f32
void repack(TensorType type, const uint8_t* source, int64_t rows, int64_t columns, uint8_t* quants, float* scales,
            float* minimums);

/// One row as f32.
void dequantiseRow(TensorType type, const uint8_t* row, int64_t columns, float* out);

}  // namespace longleaf
