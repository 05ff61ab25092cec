// The NEON dense kernels against the plain ones, bit for bit, for every type: built for ARM and run under qemu-user by
// native/neon.test.ts. Prints what differs and ends with 1, or "equal".
#include <cstdio>
#include <cstring>
#include <vector>

#include "../src/dense_kernel.h"

using namespace longleaf;

namespace {

uint32_t state = 1;
uint32_t next() { return state = state * 1664525u + 1013904223u, state >> 8; }
float noise() { return static_cast<float>(next() % 20001) / 10000.0f - 1.0f; }

constexpr int kRows = 21, kOutputs = 48, kColumns = 1280;

std::vector<uint8_t> randomWeights(PackedType type) {
  const TypeTraits& t = traitsOf(type);
  std::vector<uint8_t> source(static_cast<size_t>(kOutputs) * kColumns / t.ggufWeights * t.ggufBytes);
  for (uint8_t& byte : source) byte = static_cast<uint8_t>(next());
  for (size_t at = 0; at < source.size(); at += t.ggufBytes) {
    if (type == PackedType::f32) {
      const float w = noise();
      std::memcpy(&source[at], &w, 4);
      continue;
    }
    // finite 16-bit scales (or weights) of both signs
    const size_t scale = type == PackedType::q6_k ? 208 : 0;
    source[at + scale + 1] = static_cast<uint8_t>((source[at + scale + 1] & 0x83) | 0x18);
    if (t.minimums) source[at + 3] = static_cast<uint8_t>((source[at + 3] & 0x83) | 0x14);
  }
  return source;
}

struct Rows {
  explicit Rows(int group) : q(64 * kColumns), scale(64 * kColumns / 32), sum(scale.size()), halves(2 * scale.size()) {
    x.rows = kRows;
    x.blocks = kColumns / kBlock;
    x.group = group;
    x.q = q.data();
    x.scale = scale.data();
    x.sum = sum.data();
    x.halves = halves.data();
  }
  std::vector<int8_t> q;
  std::vector<float> scale, sum;
  std::vector<int32_t> halves;
  QuantisedRows x;
};

alignas(64) uint8_t scratchBytes[kMultiplyScratch];

int failures = 0;
void compare(const char* what, const std::vector<float>& a, const std::vector<float>& b) {
  if (std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0) return;
  std::printf("%s differs\n", what);
  failures++;
}

std::vector<float> product(const DenseKernel& kernel, PackedType type, const uint8_t* panels, const std::vector<float>& x,
                           int group) {
  const PanelRun run = {type, kColumns, panels};
  std::vector<float> y(kRows * kOutputs);
  MultiplyScratch scratch = {scratchBytes, sizeof scratchBytes};
  if (isFloat(type)) {
    kernel.multiplyFloats(run, 0, kOutputs / kPanel, x.data(), kRows, y.data(), kOutputs);
    return y;
  }
  Rows rows(group);
  for (int r = 0; r < kRows; r++) kernel.quantise(&x[static_cast<size_t>(r) * kColumns], rows.x, r, 0, rows.x.blocks);
  kernel.multiply(run, 0, kOutputs / kPanel, rows.x, y.data(), kOutputs, scratch);
  return y;
}

}  // namespace

int main() {
  const DenseKernel* neon = denseNeon();
  const DenseKernel& plain = *denseScalar();
  if (neon == nullptr) return std::puts("no NEON kernel was built"), 1;
  std::vector<float> x(static_cast<size_t>(kRows) * kColumns);
  for (float& value : x) value = noise() * (next() % 61 == 0 ? 30.0f : 1.0f);
  x[5 * kColumns + 7] = __builtin_nanf("");
  for (int t = 0; t < kPackedTypes; t++) {
    const PackedType type = static_cast<PackedType>(t);
    const std::vector<uint8_t> source = randomWeights(type);
    std::vector<uint8_t> panels(panelBytes(type, kColumns) * (kOutputs / kPanel) + 64);
    uint8_t* aligned = panels.data() + (64 - reinterpret_cast<uintptr_t>(panels.data()) % 64);
    if (!packRows(type, source.data(), kOutputs, kColumns, aligned)) return std::puts("weights that are none"), 1;
    const std::vector<float> wanted = product(plain, type, aligned, x, 16);
    for (const int group : {16, 1}) compare(traitsOf(type).name, product(*neon, type, aligned, x, group), wanted);
  }
  const int odd = kColumns - 5;
  std::vector<float> a(kColumns), b(kColumns);
  neon->rmsNorm(&x[0], &x[kColumns], odd, 1e-5f, a.data());
  plain.rmsNorm(&x[0], &x[kColumns], odd, 1e-5f, b.data());
  compare("rmsNorm", a, b);
  for (const Activation activation : {Activation::silu, Activation::gelu}) {
    neon->gate(&x[0], &x[kColumns], odd, activation, a.data());
    plain.gate(&x[0], &x[kColumns], odd, activation, b.data());
    compare("gate", a, b);
  }
  neon->softCap(a.data(), odd, 3.0f);
  plain.softCap(b.data(), odd, 3.0f);
  compare("softCap", a, b);
  for (const int count : {1, 15, odd, kRows * kColumns}) {
    const LogitSummary one = neon->summarise(&x[0], count), other = plain.summarise(&x[0], count);
    compare("summarise", {static_cast<float>(one.best), static_cast<float>(one.logSum)},
            {static_cast<float>(other.best), static_cast<float>(other.logSum)});
  }
  if (failures == 0) std::puts("equal");
  return failures == 0 ? 0 : 1;
}
