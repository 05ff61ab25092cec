#include "dense_dispatch.h"

#include <stdexcept>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace longleaf {

namespace {

#if defined(__x86_64__) || defined(__i386__)
struct Leaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
Leaf leaf7(unsigned sub) {
  Leaf leaf;
  __get_cpuid_count(7, sub, &leaf.a, &leaf.b, &leaf.c, &leaf.d);
  return leaf;
}
bool runsAvx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}
bool runsAvxVnni() { return runsAvx2() && (leaf7(1).a >> 4 & 1) != 0; }
bool runsAvx512Vnni() {
  return runsAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}
#else
bool runsAvx2() { return false; }
bool runsAvxVnni() { return false; }
bool runsAvx512Vnni() { return false; }
#endif

// Tiles are 8 KB of state that Linux keeps only for processes that ask (XTILEDATA, component 18).
bool runsAmx() {
#if defined(__x86_64__) && defined(__linux__)
  const unsigned d = leaf7(0).d;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return runsAvx512Vnni() && (d >> 24 & 1) != 0 && (d >> 25 & 1) != 0 &&
         ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

bool runsDotProduct() {
#if defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) >> 20 & 1) != 0;
#else
  return true;  // every ARM Mac has it
#endif
}

std::vector<const DenseKernel*> detect() {
  std::vector<const DenseKernel*> found;
  const auto add = [&](const DenseKernel* kernel, bool (*runs)()) {
    if (kernel != nullptr && runs()) found.push_back(kernel);
  };
  add(denseAmx(), runsAmx);
  add(denseAvx512Vnni(), runsAvx512Vnni);
  add(denseAvxVnni(), runsAvxVnni);
  add(denseAvx2(), runsAvx2);
  add(denseNeon(), runsDotProduct);
  found.push_back(denseScalar());
  return found;
}

/// the first of `names` that can run here
const DenseKernel* firstOf(std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (const DenseKernel* kernel : availableDense())
      if (std::string(name) == kernel->name) return kernel;
  return denseScalar();
}

}  // namespace

const std::vector<const DenseKernel*>& availableDense() {
  static const std::vector<const DenseKernel*> kernels = detect();
  return kernels;
}

const DenseKernel* chooseDense(const std::string& name) {
  const auto& kernels = availableDense();
  if (name.empty()) return kernels.front();
  std::string names;
  for (const DenseKernel* kernel : kernels) {
    if (name == kernel->name) return kernel;
    names += names.empty() ? kernel->name : std::string(", ") + kernel->name;
  }
  if (name == "avx512bf16" || name == "avx512") return firstOf({"avx512vnni", "avx2"});
  throw std::invalid_argument("SIMD level '" + name + "' cannot run here; dense kernels of this machine: " + names);
}

}  // namespace longleaf
