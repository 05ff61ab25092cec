// What is done to rows between the products, over an instruction set `Isa`: see dense_kernel.inl.

// The largest |x| is found among the bits: so infinities and NaNs are found too, alike everywhere.
void quantiseBlocks(const float* row, QuantisedRows& x, int index, int begin, int end) {
  using F = typename Isa::F;
  using I = typename Isa::I;
  constexpr int half = 16 / Isa::width;
  int64_t place = (static_cast<int64_t>(index / x.group) * x.blocks + begin) * x.group + index % x.group;
  row += static_cast<int64_t>(begin) * kBlock;
  for (int b = begin; b < end; b++, place += x.group, row += kBlock) {
    I most = Isa::zeroInts();
    for (int i = 0; i < 2 * half; i++) most = Isa::larger(most, Isa::magnitude(Isa::loadFloats(row + i * Isa::width)));
    const int32_t bits = Isa::largest(most);
    float largest;
    __builtin_memcpy(&largest, &bits, 4);
    const bool finite = bits < 0x7f800000;
    // below, the reciprocal would not be finite
    const bool tiny = largest < 1e-30f;
    const F inverse = Isa::spreadFloat(finite && !tiny ? 127.0f / largest : 0.0f);
    int32_t sums[2] = {0, 0};
    for (int h = 0; h < 2; h++) {
      I total = Isa::zeroInts();
      for (int i = h * half; i < (h + 1) * half; i++) {
        const I q = finite ? Isa::round(Isa::times(Isa::loadFloats(row + i * Isa::width), inverse)) : Isa::zeroInts();
        total = Isa::plusInts(total, q);
        Isa::storeBytes(x.q + place * kBlock + i * Isa::width, q);
      }
      sums[h] = Isa::total(total);
    }
    x.halves[place * 2] = sums[0];
    x.halves[place * 2 + 1] = sums[1];
    x.scale[place] = !finite ? __builtin_nanf("") : tiny ? 0.0f : largest / 127.0f;
    x.sum[place] = x.scale[place] * static_cast<float>(sums[0] + sums[1]);
  }
}

#ifndef LONGLEAF_OWN_QUANTISE
void quantise(const float* row, QuantisedRows& x, int index, int begin, int end) {
  quantiseBlocks(row, x, index, begin, end);
}
#endif

void rmsNorm(const float* x, const float* weight, int columns, float epsilon, float* out) {
  using F = typename Isa::F;
  constexpr int parts = Isa::parts;
  const int whole = columns / 16 * 16;
  F sums[parts];
  for (int i = 0; i < parts; i++) sums[i] = Isa::zero();
  for (int at = 0; at < whole; at += 16)
#pragma GCC unroll 16
    for (int i = 0; i < parts; i++) {
      const F v = Isa::loadFloats(x + at + i * Isa::width);
      sums[i] = Isa::fma(v, v, sums[i]);
    }
  float partial[16];
  for (int i = 0; i < parts; i++) Isa::storeFloats(partial + i * Isa::width, sums[i]);
  for (int i = whole; i < columns; i++) partial[i - whole] = __builtin_fmaf(x[i], x[i], partial[i - whole]);
  for (int step = 8; step > 0; step /= 2)
    for (int i = 0; i < step; i++) partial[i] += partial[i + step];
  const float scale = 1.0f / __builtin_sqrtf(partial[0] / static_cast<float>(columns) + epsilon);
  const F scales = Isa::spreadFloat(scale);
  for (int at = 0; at < whole; at += Isa::width)
    Isa::storeFloats(out + at, Isa::times(Isa::times(Isa::loadFloats(x + at), scales), Isa::loadFloats(weight + at)));
  for (int i = whole; i < columns; i++) out[i] = x[i] * scale * weight[i];
}

/// e^x for x in [-87, 88]: x = n ln 2 + r, a polynomial in r (Cephes expf), 2^n by its exponent. Error below 2 ulp.
inline typename Isa::F exponential(typename Isa::F x) {
  using F = typename Isa::F;
  const auto c = [](float v) { return Isa::spreadFloat(v); };
  const typename Isa::I n = Isa::round(Isa::times(x, c(1.44269504088896341f)));
  const F whole = Isa::toFloat(n);
  F r = Isa::fma(whole, c(-0.693359375f), x);
  r = Isa::fma(whole, c(2.12194440e-4f), r);
  F p = Isa::fma(c(1.9875691500e-4f), r, c(1.3981999507e-3f));
  p = Isa::fma(p, r, c(8.3334519073e-3f));
  p = Isa::fma(p, r, c(4.1665795894e-2f));
  p = Isa::fma(p, r, c(1.6666665459e-1f));
  p = Isa::fma(p, r, c(5.0000001201e-1f));
  p = Isa::plus(Isa::fma(p, Isa::times(r, r), r), c(1.0f));
  return Isa::times(p, Isa::powerOfTwo(n));
}

/// 1 / y for y in [1, 1e35], by Newton's method from a guess by the exponent: a division takes 16 to 24 cycles, and
/// reciprocal instructions give other bits on every processor. Error below 2 ulp.
inline typename Isa::F reciprocal(typename Isa::F y) {
  using F = typename Isa::F;
  const F negative = Isa::minus(Isa::zero(), y), one = Isa::spreadFloat(1.0f);
  F r = Isa::guess(y);
#pragma GCC unroll 3
  for (int i = 0; i < 3; i++) r = Isa::fma(Isa::fma(negative, r, one), r, r);
  return r;
}

/// 1 / (1 + e^u); a number that is none stays one by what it is multiplied with
inline typename Isa::F sigmoidOfNegative(typename Isa::F u) {
  return reciprocal(Isa::plus(exponential(Isa::bounded(u, -80.0f, 80.0f)), Isa::spreadFloat(1.0f)));
}

/// x / (1 + e^-x)
inline typename Isa::F silu(typename Isa::F x) { return Isa::times(x, sigmoidOfNegative(Isa::minus(Isa::zero(), x))); }

/// x / 2 (1 + tanh u), u = sqrt(2 / pi) (x + 0.044715 x^3); (1 + tanh u) / 2 = 1 / (1 + e^-2u)
inline typename Isa::F gelu(typename Isa::F x) {
  const auto c = [](float v) { return Isa::spreadFloat(v); };
  const typename Isa::F cube = Isa::times(Isa::times(x, x), x);
  return Isa::times(x, sigmoidOfNegative(Isa::times(Isa::fma(cube, c(0.044715f), x), c(-1.5957691216057308f))));
}

template <typename Isa::F (*activate)(typename Isa::F)>
void gateRow(const float* gate, const float* up, int columns, float* out) {
  const int whole = columns / 16 * 16;
  for (int i = 0; i < whole; i += Isa::width)
    Isa::storeFloats(out + i, Isa::times(activate(Isa::loadFloats(gate + i)), Isa::loadFloats(up + i)));
  if (whole == columns) return;
  float rest[3][16] = {};
  for (int i = whole; i < columns; i++) {
    rest[0][i - whole] = gate[i];
    rest[1][i - whole] = up[i];
  }
  for (int i = 0; i < 16; i += Isa::width)
    Isa::storeFloats(rest[2] + i, Isa::times(activate(Isa::loadFloats(rest[0] + i)), Isa::loadFloats(rest[1] + i)));
  for (int i = whole; i < columns; i++) out[i] = rest[2][i - whole];
}

void gate(const float* gate, const float* up, int columns, Activation activation, float* out) {
  if (activation == Activation::silu) gateRow<silu>(gate, up, columns, out);
  else gateRow<gelu>(gate, up, columns, out);
}

void add(float* x, const float* y, int columns) {
  for (int i = 0; i < columns; i++) x[i] += y[i];
}

/// tanh u = 1 - 2 / (e^2u + 1)
void softCap(float* x, int count, float cap) {
  using F = typename Isa::F;
  const F one = Isa::spreadFloat(1.0f), two = Isa::spreadFloat(2.0f), caps = Isa::spreadFloat(cap);
  const auto capped = [&](F v) {
    const F e = exponential(Isa::bounded(Isa::times(Isa::over(v, caps), two), -87.0f, 88.0f));
    return Isa::times(caps, Isa::minus(one, Isa::over(two, Isa::plus(e, one))));
  };
  int i = 0;
  for (; i + 16 <= count; i += 16)
    for (int part = 0; part < 16; part += Isa::width)
      Isa::storeFloats(x + i + part, capped(Isa::loadFloats(x + i + part)));
  if (i == count) return;
  float rest[16] = {};
  for (int k = i; k < count; k++) rest[k - i] = x[k];
  for (int part = 0; part < 16; part += Isa::width) Isa::storeFloats(rest + part, capped(Isa::loadFloats(rest + part)));
  for (int k = i; k < count; k++) x[k] = rest[k - i];
}

/// Columns whose powers are summed in f32 before the sum goes on in f64: an error of 1e-6 at most in its logarithm.
constexpr int kSummedColumns = 1024;

/// Up to 1,024 columns, filled up to whole 16 by -infinity
template <class Step>
void overSixteens(const float* x, int count, const Step& step) {
  int i = 0;
  for (; i + 16 <= count; i += 16) step(x + i);
  if (i == count) return;
  float rest[16];
  for (int k = 0; k < 16; k++) rest[k] = i + k < count ? x[i + k] : -__builtin_inff();
  step(rest);
}

struct Extremes {
  float largest;
  /// bits of the largest |x|
  int32_t magnitude;
};

inline Extremes extremesOf(const float* x, int count) {
  typename Isa::F tops[Isa::parts];
  typename Isa::I magnitudes = Isa::zeroInts();
  for (int i = 0; i < Isa::parts; i++) tops[i] = Isa::spreadFloat(-__builtin_inff());
  overSixteens(x, count, [&](const float* p) {
#pragma GCC unroll 16
    for (int i = 0; i < Isa::parts; i++) {
      const auto v = Isa::loadFloats(p + i * Isa::width);
      tops[i] = Isa::most(v, tops[i]);
      magnitudes = Isa::larger(magnitudes, Isa::magnitude(v));
    }
  });
  float each[16], largest = -__builtin_inff();
  for (int i = 0; i < Isa::parts; i++) Isa::storeFloats(each + i * Isa::width, tops[i]);
  for (const float top : each) largest = top > largest ? top : largest;
  return {largest, Isa::largest(magnitudes)};
}

/// sum of e^(x - top) over up to 1,024 columns
inline double powersOf(const float* x, int count, float top) {
  typename Isa::F sums[Isa::parts];
  for (int i = 0; i < Isa::parts; i++) sums[i] = Isa::zero();
  const auto tops = Isa::spreadFloat(top);
  overSixteens(x, count, [&](const float* p) {
#pragma GCC unroll 16
    for (int i = 0; i < Isa::parts; i++) {
      const auto below = Isa::minus(Isa::loadFloats(p + i * Isa::width), tops);
      sums[i] = Isa::plus(sums[i], exponential(Isa::bounded(below, -87.0f, 0.0f)));
    }
  });
  float each[16];
  for (int i = 0; i < Isa::parts; i++) Isa::storeFloats(each + i * Isa::width, sums[i]);
  double total = 0;
  for (const float sum : each) total += sum;
  return total;
}

// Two passes over what the head just wrote: 200 KB for 49,152 logits, in the L2. The logarithm is the caller's business.
LogitSummary summarise(const float* x, int count) {
  float largest = -__builtin_inff();
  int from = 0;
  bool isNumber = true;
  for (int at = 0; at < count; at += kSummedColumns) {
    const Extremes block = extremesOf(x + at, count - at < kSummedColumns ? count - at : kSummedColumns);
    isNumber = isNumber && block.magnitude <= 0x7f800000;
    if (!(block.largest > largest)) continue;
    largest = block.largest;
    from = at;
  }
  if (!isNumber || largest == __builtin_inff() || largest == -__builtin_inff()) return {0, __builtin_nan("")};
  int best = from;
  while (x[best] != largest) best++;
  double total = 0;
  for (int at = 0; at < count; at += kSummedColumns)
    total += powersOf(x + at, count - at < kSummedColumns ? count - at : kSummedColumns, largest);
  return {best, largest + __builtin_log(total)};
}
