// The dense kernels over an instruction set `Isa`; included inside an anonymous namespace by each dense_<isa>.cpp.
//
// Isa: vectors F of `width` floats and I of as many int32 (or four times as many bytes); a panel of 16 outputs is
// `parts` of them. `rows` x `vectors` is the register tile of the matrix product over `panels` panels at a time.
// signedWeights(bits): dot takes weights as signed bytes, their zero taken off; otherwise unsigned, with the zero in the
// sum's start. dot<bits, n>: bits of the weights; n counts the dots since start (instruction sets that sum in 16 bits).

/// A block of a panel, its bits taken apart once for many rows.
struct alignas(64) WideBlock {
  uint8_t q[8][64];
  /// d, or that of columns 0 … 15
  float first[kPanel];
  /// m, or d of columns 16 … 31
  float second[kPanel];
};
/// Blocks of the panels that are wide at a time: 3 panels x 32 blocks = 60 KB, of the second-level cache.
constexpr int kWideBlocks = 32;

enum class Form { zero, minimums, halves };
constexpr Form formOf(PackedType type) {
  return traitsOf(type).halves ? Form::halves : traitsOf(type).minimums ? Form::minimums : Form::zero;
}

inline const uint8_t* scalesOf(const uint8_t* panel, PackedType type, int columns) {
  return panel + quantBytes(type, columns);
}

/// Bytes 4 j … 4 j + 3 of each output of a part: columns 4 j … of the block, as dot takes them.
template <PackedType type, int j>
inline typename Isa::I weightsOf(const uint8_t* lines) {
  constexpr int bits = traitsOf(type).bits;
  using I = typename Isa::I;
  I q;
  if constexpr (bits == 8) {
    q = Isa::load(lines + j * 64);
  } else {
    const I line = Isa::load(lines + j % 4 * 64);
    q = j < 4 ? Isa::keep(line, 15) : Isa::keep(Isa::template shiftRight<4>(line), 15);
    if constexpr (bits == 5) {
      const I high = Isa::load(lines + 4 * 64);
      if constexpr (j < 4) q = Isa::either(q, Isa::keep(Isa::template shiftLeft<4 - j>(high), 16));
      else q = Isa::either(q, Isa::keep(Isa::template shiftRight<j - 4>(high), 16));
    }
    if constexpr (bits == 6) {
      constexpr int at = 2 * (j % 4);
      const I high = Isa::load(lines + (4 + j / 4) * 64);
      if constexpr (at < 4) q = Isa::either(q, Isa::keep(Isa::template shiftLeft<4 - at>(high), 48));
      else q = Isa::either(q, Isa::keep(Isa::template shiftRight<at - 4>(high), 48));
    }
  }
  if constexpr (Isa::signedWeights(bits) && traitsOf(type).zero != 0) q = Isa::minusBytes(q, traitsOf(type).zero);
  return q;
}

/// first and second of WideBlock for one part
template <PackedType type>
inline void scaleVectors(const uint8_t* scales, int block, int part, typename Isa::F& first, typename Isa::F& second) {
  constexpr TypeTraits t = traitsOf(type);
  const int at = part * Isa::width;
  if constexpr (t.super) {
    const uint8_t* s = scales + block / kSuperBlocks * t.scaleBytes;
    const int i = block % kSuperBlocks;
    const typename Isa::F d = Isa::halves(s + 2 * at);
    if constexpr (t.halves) {
      first = Isa::times(d, Isa::signedBytes(s + 64 + 2 * i * kPanel + at));
      second = Isa::times(d, Isa::signedBytes(s + 64 + (2 * i + 1) * kPanel + at));
    } else {
      first = Isa::times(d, Isa::unsignedBytes(s + 64 + i * kPanel + at));
      second = Isa::minus(Isa::zero(), Isa::times(Isa::halves(s + 32 + 2 * at), Isa::unsignedBytes(s + 192 + i * kPanel + at)));
    }
  } else {
    const uint8_t* s = scales + block * t.scaleBytes;
    first = Isa::halves(s + 2 * at);
    second = t.minimums ? Isa::halves(s + 32 + 2 * at) : Isa::zero();
  }
}

template <PackedType type, int j>
inline void widenLines(const uint8_t* lines, int part, WideBlock& wide) {
  Isa::store(wide.q[j] + part * Isa::width * 4, weightsOf<type, j>(lines));
  if constexpr (j < 7) widenLines<type, j + 1>(lines, part, wide);
}

template <PackedType type>
void widen(const uint8_t* panel, int columns, int begin, int end, WideBlock* wide) {
  const uint8_t* scales = scalesOf(panel, type, columns);
  for (int b = begin; b < end; b++, wide++) {
    const uint8_t* lines = panel + static_cast<size_t>(b) * traitsOf(type).lines * 64;
    for (int part = 0; part < Isa::parts; part++) {
      widenLines<type, 0>(lines + part * Isa::width * 4, part, *wide);
      typename Isa::F first, second;
      scaleVectors<type>(scales, b, part, first, second);
      Isa::storeFloats(wide->first + part * Isa::width, first);
      Isa::storeFloats(wide->second + part * Isa::width, second);
    }
  }
}

template <int bits>
inline typename Isa::Sum startOf(int zero, int32_t sum) {
  if constexpr (Isa::signedWeights(bits)) return Isa::start(0);
  else return Isa::start(-zero * sum);
}

/// Isa::rows rows from `place` on, `vectors` vectors of outputs, blocks [0, blocks): y moves on by their products.
template <int bits, Form form, int vectors>
inline __attribute__((always_inline)) void tile(const WideBlock* const* wide, const int* parts, int blocks, int zero, const QuantisedRows& x, int64_t place,
          typename Isa::F (&y)[Isa::rows][vectors]) {
  using F = typename Isa::F;
  using I = typename Isa::I;
  using Sum = typename Isa::Sum;
  constexpr int R = Isa::rows;
  for (int b = 0; b < blocks; b++, place += x.group) {
    const int8_t* q = x.q + place * kBlock;
    Sum sum[R][vectors];
    auto dots = [&](int from, int to) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (int j = from; j < to; j++) {
        I w[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) w[v] = Isa::load(wide[v][b].q[j] + parts[v]);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
          const I spread = Isa::spread(q + r * kBlock + 4 * j);
#pragma GCC unroll 4
          for (int v = 0; v < vectors; v++) Isa::template dot<bits>(sum[r][v], w[v], spread, j - from);
        }
      }
    };
    auto begin = [&](int firstHalf, int lastHalf) __attribute__((always_inline)) {
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        int32_t total = 0;
        for (int h = firstHalf; h <= lastHalf; h++) total += x.halves[(place + r) * 2 + h];
        const Sum start = startOf<bits>(zero, form == Form::minimums ? 0 : total);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) sum[r][v] = start;
      }
    };
    auto finish = [&](bool second) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        const float* d = second ? wide[v][b].second : wide[v][b].first;
        const F scale = Isa::loadFloats(d + parts[v] / 4);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
          y[r][v] = Isa::fma(Isa::toFloat(Isa::finish(sum[r][v])), Isa::times(scale, Isa::spreadFloat(x.scale[place + r])), y[r][v]);
        if constexpr (form == Form::minimums) {
          const F minimum = Isa::loadFloats(wide[v][b].second + parts[v] / 4);
#pragma GCC unroll 8
          for (int r = 0; r < R; r++) y[r][v] = Isa::fma(minimum, Isa::spreadFloat(x.sum[place + r]), y[r][v]);
        }
      }
    };
    if constexpr (form == Form::halves) {
      begin(0, 0);
      dots(0, 4);
      finish(false);
      begin(1, 1);
      dots(4, 8);
      finish(true);
    } else {
      begin(0, 1);
      dots(0, 8);
      finish(false);
    }
  }
}

/// All rows of x with `vectors` vectors from vector `at` of the wide panels; y points at their first output.
template <int bits, Form form, int vectors>
void tiles(const WideBlock* wide, int at, int firstBlock, int blocks, int zero, const QuantisedRows& x, float* y,
           int64_t stride) {
  const WideBlock* panels[vectors];
  int parts[vectors];
  for (int v = 0; v < vectors; v++) {
    panels[v] = wide + (at + v) / Isa::parts * kWideBlocks;
    parts[v] = (at + v) % Isa::parts * Isa::width * 4;
  }
  for (int row = 0; row < x.rows; row += Isa::rows) {
    const int count = x.rows - row < Isa::rows ? x.rows - row : Isa::rows;
    const int64_t place = (static_cast<int64_t>(row / 16) * x.blocks + firstBlock) * 16 + row % 16;
    typename Isa::F sums[Isa::rows][vectors];
    float* to = y + row * stride + static_cast<int64_t>(at) * Isa::width;
#pragma GCC unroll 8
    for (int r = 0; r < Isa::rows; r++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        sums[r][v] = firstBlock == 0 || r >= count ? Isa::zero() : Isa::loadFloats(to + r * stride + v * Isa::width);
    tile<bits, form, vectors>(panels, parts, blocks, zero, x, place, sums);
#pragma GCC unroll 8
    for (int r = 0; r < Isa::rows; r++)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++)
        if (r < count) Isa::storeFloats(to + r * stride + v * Isa::width, sums[r][v]);
  }
}

template <PackedType type>
void multiplyWide(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
                  MultiplyScratch& scratch) {
  constexpr TypeTraits t = traitsOf(type);
  // instruction sets to which all bits are the same share their code
  constexpr int bits = Isa::kindOfBits(t.bits);
  constexpr Form form = formOf(type);
  WideBlock* wide = reinterpret_cast<WideBlock*>(scratch.bytes);
  const size_t bytes = panelBytes(type, run.columns);
  for (int p = begin; p < end; p += Isa::panels) {
    const int panels = end - p < Isa::panels ? end - p : Isa::panels;
    float* to = y + static_cast<int64_t>(p - begin) * kPanel;
    for (int first = 0; first < x.blocks; first += kWideBlocks) {
      const int blocks = x.blocks - first < kWideBlocks ? x.blocks - first : kWideBlocks;
      for (int i = 0; i < panels; i++)
        widen<type>(run.data + (p + i) * bytes, run.columns, first, first + blocks, wide + i * kWideBlocks);
      int at = 0;
      for (; at + Isa::vectors <= panels * Isa::parts; at += Isa::vectors)
        tiles<bits, form, Isa::vectors>(wide, at, first, blocks, t.zero, x, to, stride);
      for (; at < panels * Isa::parts; at++) tiles<bits, form, 1>(wide, at, first, blocks, t.zero, x, to, stride);
    }
  }
}

/// One row, as decoding does: weights are taken apart in registers, memory is read once and ahead.
template <PackedType type, int j, int end>
inline __attribute__((always_inline)) void dotLines(const uint8_t* lines, const int8_t* q, typename Isa::Sum& sum, int first) {
  Isa::template dot<Isa::kindOfBits(traitsOf(type).bits)>(sum, weightsOf<type, j>(lines), Isa::spread(q + 4 * j), j - first);
  if constexpr (j + 1 < end) dotLines<type, j + 1, end>(lines, q, sum, first);
}

template <PackedType type>
void multiplyRow(const PanelRun& run, int begin, int end, const QuantisedRows& x, int row, float* y) {
  using F = typename Isa::F;
  constexpr TypeTraits t = traitsOf(type);
  constexpr int bits = Isa::kindOfBits(t.bits);
  constexpr Form form = formOf(type);
  constexpr int parts = Isa::parts;
  const size_t bytes = panelBytes(type, run.columns);
  const int64_t first = static_cast<int64_t>(row / x.group) * x.blocks * x.group + row % x.group;
  for (int p = begin; p < end; p++) {
    const uint8_t* panel = run.data + p * bytes;
    const uint8_t* scales = scalesOf(panel, type, run.columns);
    F sums[parts];
    for (int part = 0; part < parts; part++) sums[part] = Isa::zero();
    int64_t place = first;
    for (int b = 0; b < x.blocks; b++, place += x.group) {
      const uint8_t* lines = panel + static_cast<size_t>(b) * t.lines * 64;
      const int8_t* q = x.q + place * kBlock;
#pragma GCC unroll 8
      for (int line = 0; line < t.lines; line++) __builtin_prefetch(lines + 4096 + line * 64);
#pragma GCC unroll 16
      for (int part = 0; part < parts; part++) {
        const uint8_t* from = lines + part * Isa::width * 4;
        F d, second;
        scaleVectors<type>(scales, b, part, d, second);
        const F scale = Isa::spreadFloat(x.scale[place]);
        const int32_t* halves = x.halves + place * 2;
        if constexpr (form == Form::halves) {
          typename Isa::Sum low = startOf<bits>(t.zero, halves[0]), high = startOf<bits>(t.zero, halves[1]);
          dotLines<type, 0, 4>(from, q, low, 0);
          dotLines<type, 4, 8>(from, q, high, 4);
          sums[part] = Isa::fma(Isa::toFloat(Isa::finish(low)), Isa::times(d, scale), sums[part]);
          sums[part] = Isa::fma(Isa::toFloat(Isa::finish(high)), Isa::times(second, scale), sums[part]);
        } else {
          typename Isa::Sum sum = startOf<bits>(t.zero, form == Form::minimums ? 0 : halves[0] + halves[1]);
          dotLines<type, 0, 8>(from, q, sum, 0);
          sums[part] = Isa::fma(Isa::toFloat(Isa::finish(sum)), Isa::times(d, scale), sums[part]);
          if constexpr (form == Form::minimums) sums[part] = Isa::fma(second, Isa::spreadFloat(x.sum[place]), sums[part]);
        }
      }
    }
    for (int part = 0; part < parts; part++)
      Isa::storeFloats(y + static_cast<int64_t>(p - begin) * kPanel + part * Isa::width, sums[part]);
  }
}

/// Rows from which taking the bits apart once pays.
constexpr int kWideRows = 5;

template <PackedType type>
void multiplyType(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
                  MultiplyScratch& scratch) {
  if (x.group == 16 && x.rows >= kWideRows) return multiplyWide<type>(run, begin, end, x, y, stride, scratch);
  for (int row = 0; row < x.rows; row++) multiplyRow<type>(run, begin, end, x, row, y + row * stride);
}

#ifndef LONGLEAF_OWN_MULTIPLY
void multiply(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
              MultiplyScratch& scratch) {
  switch (run.type) {
    case PackedType::q4_0: return multiplyType<PackedType::q4_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q4_1: return multiplyType<PackedType::q4_1>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_0: return multiplyType<PackedType::q5_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_1: return multiplyType<PackedType::q5_1>(run, begin, end, x, y, stride, scratch);
    case PackedType::q8_0: return multiplyType<PackedType::q8_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q4_k: return multiplyType<PackedType::q4_k>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_k: return multiplyType<PackedType::q5_k>(run, begin, end, x, y, stride, scratch);
    case PackedType::q6_k: return multiplyType<PackedType::q6_k>(run, begin, end, x, y, stride, scratch);
    default: return;
  }
}
#endif

// ---- float weights ----

template <PackedType type>
inline typename Isa::F floatWeights(const uint8_t* at) {
  if constexpr (type == PackedType::f32) return Isa::loadFloats(reinterpret_cast<const float*>(at));
  else if constexpr (type == PackedType::f16) return Isa::halves(at);
  else return Isa::bfloats(at);
}

template <PackedType type, int R>
void floatTile(const PanelRun& run, const uint8_t* panel, const float* x, float* y, int64_t stride) {
  using F = typename Isa::F;
  constexpr int parts = Isa::parts, bytes = traitsOf(type).bits / 8;
  constexpr int together = parts < 4 ? parts : 4;
  for (int part = 0; part < parts; part += together) {
    F sums[R][together];
    for (int r = 0; r < R; r++)
      for (int v = 0; v < together; v++) sums[r][v] = Isa::zero();
    for (int k = 0; k < run.columns; k++) {
      const uint8_t* from = panel + (static_cast<size_t>(k) * kPanel + part * Isa::width) * bytes;
#pragma GCC unroll 4
      for (int v = 0; v < together; v++) {
        const F w = floatWeights<type>(from + v * Isa::width * bytes);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++)
          sums[r][v] = Isa::fma(w, Isa::spreadFloat(x[static_cast<int64_t>(r) * run.columns + k]), sums[r][v]);
      }
    }
    for (int r = 0; r < R; r++)
      for (int v = 0; v < together; v++) Isa::storeFloats(y + r * stride + (part + v) * Isa::width, sums[r][v]);
  }
}

template <PackedType type>
void multiplyFloatType(const PanelRun& run, int begin, int end, const float* x, int rows, float* y, int64_t stride) {
  for (int p = begin; p < end; p++) {
    const uint8_t* panel = run.data + p * panelBytes(type, run.columns);
    float* to = y + static_cast<int64_t>(p - begin) * kPanel;
    int row = 0;
    for (; row + 8 <= rows; row += 8)
      floatTile<type, 8>(run, panel, x + static_cast<int64_t>(row) * run.columns, to + row * stride, stride);
    for (; row < rows; row++)
      floatTile<type, 1>(run, panel, x + static_cast<int64_t>(row) * run.columns, to + row * stride, stride);
  }
}

void multiplyFloats(const PanelRun& run, int begin, int end, const float* x, int rows, float* y, int64_t stride) {
  if (run.type == PackedType::f32) multiplyFloatType<PackedType::f32>(run, begin, end, x, rows, y, stride);
  if (run.type == PackedType::f16) multiplyFloatType<PackedType::f16>(run, begin, end, x, rows, y, stride);
  if (run.type == PackedType::bf16) multiplyFloatType<PackedType::bf16>(run, begin, end, x, rows, y, stride);
}

#include "dense_rows.inl"
#include "dense_peaks.inl"
