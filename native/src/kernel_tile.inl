// Softmax over one tile of 512 keys for up to six stacked query rows, merged into the rows' states; included by each instruction set's
// translation unit after it has defined `struct Isa` (see kernel_avx512bf16.cpp for the fields), inside an unnamed
// namespace.
//
// Tile shape: MR query rows (all heads of the group stacked) x columns(MR) vectors of keys (scores) or of dimensions
// (values) in registers; 6 x 4 accumulators + 4 operands + 1 broadcast fill the 32 registers of AVX-512, 6 x 2 the 16
// of AVX2. Scores and values run through the same micro-kernel `multiply`: both operands are lines of 64 bytes
// holding 16 x 2 elements, only the address steps differ.
//
// Reproducible: each row's arithmetic is the same in every MR variant (dots over ascending dimensions, pairs of keys
// in ascending order, lane sums in two accumulators by the parity of the vector's index in the tile). Keys outside a
// row's range get the score -inf, which exp2 turns into exactly 0; blocks that are skipped would have added 0.
//
// Roofline (Zen 5, 4.1 GHz): vdpbf16ps 521 GFLOP/s per core. Versions tried: key tiles of 64 entries lose 13 %, 128
// lose 5 %, 256 1-3 % (reductions and merging of the output); vdpbf16ps intrinsics of GCC 12 spill accumulators (half the speed), the
// one-line asm form does not; decode (MR <= 3) without prefetch 27 GB/s, with it 38-40.

#define LL_INLINE static inline __attribute__((always_inline))
#define LL_UNROLL _Pragma("GCC unroll 32")

constexpr int kBlock = 64;

// Where vector p of a group begins: vectors of 16 lanes are whole lines, shorter ones share a line.
LL_INLINE long lineOffset(int p, long lineStride) {
  return p * Isa::width / 16 * lineStride + p * Isa::width % 16 * 4;
}

// acc[MR][NP] += lines(base) * rows[m], over `count` steps of two elements each
template <int MR, int NP>
LL_INLINE void multiply(Isa::F (&acc)[MR][NP], const char* base, long step, long lineStride, int count,
                        const Isa::B* const* rows, int rowOffset, long prefetch) {
  for (int s = 0; s < count; s++) {
    LL_UNROLL for (int half = 0; half < Isa::halves; half++) {
      if (MR <= 3 && half == 0)
        LL_UNROLL for (int p = 0; p < NP; p++) __builtin_prefetch(base + s * step + lineOffset(p, lineStride) + prefetch);
      if (MR < NP) {
        // few rows: their elements stay in registers while the lines pass
        Isa::Line b[MR];
        LL_UNROLL for (int m = 0; m < MR; m++) b[m] = Isa::spread(rows[m] + rowOffset + 2 * s + half);
        LL_UNROLL for (int p = 0; p < NP; p++) {
          const Isa::Line line = Isa::line(base + s * step + lineOffset(p, lineStride), half);
          LL_UNROLL for (int m = 0; m < MR; m++) acc[m][p] = Isa::dot(acc[m][p], line, b[m]);
        }
        continue;
      }
      Isa::Line line[NP];
      LL_UNROLL for (int p = 0; p < NP; p++) line[p] = Isa::line(base + s * step + lineOffset(p, lineStride), half);
      LL_UNROLL for (int m = 0; m < MR; m++) {
        const Isa::Line b = Isa::spread(rows[m] + rowOffset + 2 * s + half);
        LL_UNROLL for (int p = 0; p < NP; p++) acc[m][p] = Isa::dot(acc[m][p], line[p], b);
      }
    }
  }
}

// scores[m][64 keys of the block] for one block
template <int MR>
LL_INLINE void blockScores(const char* k, int headDim, const Isa::B* const* query, float* scores, int at) {
  constexpr int NP = Isa::columns(MR);
  constexpr int groupKeys = NP * Isa::width;
  LL_UNROLL for (int g = 0; g < kBlock; g += groupKeys) {
    Isa::F acc[MR][NP];
    LL_UNROLL for (int m = 0; m < MR; m++) LL_UNROLL for (int p = 0; p < NP; p++) acc[m][p] = Isa::zero();
    multiply<MR, NP>(acc, k + (g / 16) * headDim * 32L, 64, headDim * 32L, headDim / 2, query, 0, headDim * 128L);
    LL_UNROLL for (int m = 0; m < MR; m++)
      LL_UNROLL for (int p = 0; p < NP; p++) Isa::store(scores + m * kScoreStride + at + g + p * Isa::width, acc[m][p]);
  }
}

// What a tile adds to a row: the factors of what was there and of the tile's own products.
struct Factors {
  float before;
  float tile;
};

// Moves maximum and sum of a row on by a part with the largest score `top`. The larger of the two has the factor 1
// exactly, so that merging into an empty state (maximum -inf, sum 0, output 0) gives the part itself.
LL_INLINE Factors mergeSums(float top, float partSum, float* maximum, float* sum) {
  const float before = *maximum;
  const float joint = before > top ? before : top;
  const Factors factors = {
      before == joint ? 1.0f : Isa::first(Isa::exp2(Isa::spreadFloat(before - joint))),
      top == joint ? 1.0f : Isa::first(Isa::exp2(Isa::spreadFloat(top - joint))),
  };
  *maximum = joint;
  *sum = *sum * factors.before + partSum * factors.tile;
  return factors;
}

LL_INLINE Isa::F mergeOutput(Isa::F before, Isa::F part, const Factors& factors) {
  return Isa::add(Isa::times(before, Isa::spreadFloat(factors.before)),
                  Isa::times(part, Isa::spreadFloat(factors.tile)));
}

// c tanh(s / c), by tanh |z| = (1 - u) / (1 + u) with u = 2^(-2 log2(e) |z|)
LL_INLINE Isa::F capped(Isa::F score, float softCap) {
  const Isa::F zero = Isa::zero();
  const Isa::F negative = Isa::subtract(zero, score);
  const Isa::F size = Isa::maximum(score, negative);
  const Isa::F u = Isa::exp2(Isa::times(size, Isa::spreadFloat(-2.88539008f / softCap)));
  const Isa::F one = Isa::spreadFloat(1.0f);
  const Isa::F result = Isa::times(Isa::spreadFloat(softCap), Isa::divide(Isa::subtract(one, u), Isa::add(one, u)));
  return Isa::withSign(result, score);
}

// softmax weights of row m over the entries [begin, end), relative to the tile's largest score; moves maximum and sum
LL_INLINE Factors rowWeights(const TileKeys& keys, const TileRows& rows, int m, float* scores, Isa::B* weights) {
  const int begin = keys.blockBegin * kBlock, end = keys.blockEnd * kBlock;
  const int first = rows.first[m], last = rows.end[m];
  if (first >= last) {
    for (int j = begin; j < end; j += Isa::width) Isa::storeZero(weights + j);
    return {1.0f, 0.0f};
  }
  if (keys.softCap > 0)
    for (int j = begin; j < end; j += Isa::width) Isa::store(scores + j, capped(Isa::load(scores + j), keys.softCap));
  for (int j = begin; j < first; j++) scores[j] = -__builtin_inff();
  for (int j = last; j < end; j++) scores[j] = -__builtin_inff();
  Isa::F top0 = Isa::load(scores + begin), top1 = top0;
  for (int j = begin; j < end; j += 2 * Isa::width) {
    top0 = Isa::maximum(top0, Isa::load(scores + j));
    top1 = Isa::maximum(top1, Isa::load(scores + j + Isa::width));
  }
  const float top = Isa::reduceMaximum(Isa::maximum(top0, top1));
  const Isa::F shift = Isa::spreadFloat(top);
  Isa::F sum0 = Isa::zero(), sum1 = Isa::zero();
  for (int j = begin; j < end; j += 2 * Isa::width) {
    const Isa::F e0 = Isa::exp2(Isa::subtract(Isa::load(scores + j), shift));
    const Isa::F e1 = Isa::exp2(Isa::subtract(Isa::load(scores + j + Isa::width), shift));
    sum0 = Isa::add(sum0, e0);
    sum1 = Isa::add(sum1, e1);
    Isa::storeWeights(weights + j, e0, e1);
  }
  return mergeSums(top, Isa::reduceAdd(Isa::add(sum0, sum1)), rows.maximum[m], rows.sum[m]);
}

// merges weights * V into output[m][column ...] for NP vectors of dimensions
template <int MR, int NP>
LL_INLINE void values(const TileKeys& keys, const TileRows& rows, const Factors* factors, const Isa::B* const* weights,
                      int column) {
  Isa::F acc[MR][NP];
  LL_UNROLL for (int m = 0; m < MR; m++) LL_UNROLL for (int p = 0; p < NP; p++) acc[m][p] = Isa::zero();
  const long step = keys.paddedDim * 4L;
  for (int b = keys.blockBegin; b < keys.blockEnd; b++)
    multiply<MR, NP>(acc, static_cast<const char*>(keys.v[b]) + column * 4L, step, 64, kBlock / 2,
                     weights, b * kBlock, 4096);
  LL_UNROLL for (int m = 0; m < MR; m++) {
    float* output = rows.output[m] + column;
    LL_UNROLL for (int p = 0; p < NP; p++) {
      float* at = output + p * Isa::width;
      Isa::store(at, mergeOutput(Isa::load(at), acc[m][p], factors[m]));
    }
  }
}

template <int MR>
__attribute__((noinline)) static void attendRows(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  const Isa::B* query[MR];
  const Isa::B* weights[MR];
  Factors factors[MR];
  for (int m = 0; m < MR; m++) query[m] = static_cast<const Isa::B*>(rows.queries) + m * rows.queryStride;
  for (int b = keys.blockBegin; b < keys.blockEnd; b++)
    blockScores<MR>(static_cast<const char*>(keys.k[b]), keys.headDim, query, scratch.scores, b * kBlock);
  for (int m = 0; m < MR; m++) {
    Isa::B* w = Isa::weightsOf(scratch, m);
    factors[m] = rowWeights(keys, rows, m, scratch.scores + m * kScoreStride, w);
    weights[m] = w;
  }
  constexpr int wide = Isa::columns(MR);
  const int vectors = keys.paddedDim / Isa::width;
  int v = 0;
  for (; v + wide <= vectors; v += wide) values<MR, wide>(keys, rows, factors, weights, v * Isa::width);
  for (; v < vectors; v++) values<MR, 1>(keys, rows, factors, weights, v * Isa::width);
}

static void mergePart(float partMaximum, float partSum, const float* part, int paddedDim, float* maximum, float* sum,
                      float* output) {
  const Factors factors = mergeSums(partMaximum, partSum, maximum, sum);
  for (int i = 0; i < paddedDim; i += Isa::width)
    Isa::store(output + i, mergeOutput(Isa::load(output + i), Isa::load(part + i), factors));
}

static void attendTile(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  switch (rows.count) {
    case 1: return attendRows<1>(keys, rows, scratch);
    case 2: return attendRows<2>(keys, rows, scratch);
    case 3: return attendRows<3>(keys, rows, scratch);
    case 4: return attendRows<4>(keys, rows, scratch);
    case 5: return attendRows<5>(keys, rows, scratch);
    default: return attendRows<6>(keys, rows, scratch);
  }
}

// Plain loops, vectorised by the compiler; contraction is off, so the bits do not depend on how.
static void rotateQuery(const float* __restrict x, const float* __restrict cosine, const float* __restrict sine,
                        int headDim, void* out) {
  Isa::Query* __restrict q = static_cast<Isa::Query*>(out);
  for (int i = 0; i < headDim / 2; i++) {
    const float a = x[2 * i], b = x[2 * i + 1], c = cosine[i], s = sine[i];
    q[2 * i] = Isa::narrow(a * c - b * s);
    q[2 * i + 1] = Isa::narrow(b * c + a * s);
  }
}

// Twelve chains: enough to hide the latency of any multiply-add.
static double burn(int rounds) {
  constexpr int chains = 12;
  alignas(64) static const char line[64] = {};
  const Isa::Line a = Isa::line(line, 0);
  Isa::F acc[chains];
  LL_UNROLL for (int i = 0; i < chains; i++) acc[i] = Isa::zero();
  for (int n = 0; n < rounds; n++) LL_UNROLL for (int i = 0; i < chains; i++) acc[i] = Isa::dot(acc[i], a, a);
  LL_UNROLL for (int i = 1; i < chains; i++) acc[0] = Isa::add(acc[0], acc[i]);
  // the sums (0) are wanted, or the loop could be left out
  return static_cast<double>(rounds) * chains * Isa::width * (Isa::halves == 1 ? 4 : 2) + Isa::first(acc[0]);
}
