// The limits of an instruction set `Isa`, for rooflines: see dense_kernel.h. Twelve sums hide the latency of every
// processor so far. They start from different places in memory and each is written at the end, so that the compiler can
// neither leave one out nor find that two are the same (which gave 302 instead of 680 GOP/s).

constexpr int kPeakSums = 12;
static float peakSink[kPeakSums * 16];

double dots(int64_t times) {
  typename Isa::I sums[kPeakSums];
  const typename Isa::I w = Isa::load(reinterpret_cast<const uint8_t*>(peakSink)), x = w;
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; i++) sums[i] = Isa::load(reinterpret_cast<const uint8_t*>(peakSink + i * Isa::width));
  for (int64_t n = 0; n < times; n++)
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; i++) Isa::peakDot(sums[i], w, x);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; i++) Isa::storeFloats(peakSink + i * Isa::width, Isa::toFloat(sums[i]));
  return 2.0 * 4 * Isa::width * kPeakSums * static_cast<double>(times);
}

double multiplyAdds(int64_t times) {
  using F = typename Isa::F;
  F sums[kPeakSums];
  const F a = Isa::loadFloats(peakSink), b = Isa::loadFloats(peakSink + 16);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; i++) sums[i] = Isa::loadFloats(peakSink + i * Isa::width);
  for (int64_t n = 0; n < times; n++)
#pragma GCC unroll 12
    for (int i = 0; i < kPeakSums; i++) sums[i] = Isa::fma(a, b, sums[i]);
#pragma GCC unroll 12
  for (int i = 0; i < kPeakSums; i++) Isa::storeFloats(peakSink + i * Isa::width, sums[i]);
  return 2.0 * Isa::width * kPeakSums * static_cast<double>(times);
}

double read(const uint8_t* from, int64_t bytes) {
  constexpr int line = 4 * Isa::width, lines = 4;
  typename Isa::I sums[lines];
  for (int i = 0; i < lines; i++) sums[i] = Isa::zeroInts();
  int64_t at = 0;
  for (; at + lines * line <= bytes; at += lines * line) {
    __builtin_prefetch(from + at + 4096);
    __builtin_prefetch(from + at + 4096 + (lines * line > 64 ? 64 : 0));
    __builtin_prefetch(from + at + 4096 + (lines * line > 128 ? 128 : 0));
    __builtin_prefetch(from + at + 4096 + (lines * line > 128 ? 192 : 0));
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++) sums[i] = Isa::plusInts(sums[i], Isa::load(from + at + i * line));
  }
  for (int i = 0; i < lines; i++) Isa::storeFloats(peakSink + i * Isa::width, Isa::toFloat(sums[i]));
  return static_cast<double>(at);
}
