#include "dispatch.h"

#include <stdexcept>
#include <utility>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace longleaf {

namespace {

#if defined(__x86_64__) || defined(__i386__)
// __builtin_cpu_supports asks CPUID, and XGETBV for what the operating system saves.
bool runsAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool runsAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
// CPUID leaf 7, sub-leaf 1, EAX bit 5; older compilers do not know the name
bool runsAvx512Bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return runsAvx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0;
}
// CPUID leaf 7, EDX bits 22 (AMX-BF16) and 24 (AMX-TILE); Linux gives a process the tiles' 8 KB of state on request only
// (arch_prctl ARCH_REQ_XCOMP_PERM, feature 18)
bool runsAmx() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!runsAvx512Bf16() || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  if ((d >> 22 & 1) == 0 || (d >> 24 & 1) == 0) return false;
#if defined(__linux__) && defined(__x86_64__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}
// vdpbf16ps runs at half the rate of f32 multiply-add on Intel, at twice its rate on AMD.
bool slowBf16Dots() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &a, &b, &c, &d) != 0 && b == signature_INTEL_ebx;
}
#else
bool runsAvx2() { return false; }
bool runsAvx512() { return false; }
bool runsAvx512Bf16() { return false; }
bool runsAmx() { return false; }
bool slowBf16Dots() { return false; }
#endif

std::vector<const Kernel*> detect() {
  std::vector<const Kernel*> found;
  if (kernelAmx() != nullptr && runsAmx()) found.push_back(kernelAmx());
  if (kernelAvx512Bf16() != nullptr && runsAvx512Bf16()) found.push_back(kernelAvx512Bf16());
  if (kernelAvx512() != nullptr && runsAvx512()) found.push_back(kernelAvx512());
  if (found.size() > 1 && slowBf16Dots()) std::swap(found[found.size() - 1], found[found.size() - 2]);
  if (kernelAvx2() != nullptr && runsAvx2()) found.push_back(kernelAvx2());
  if (kernelNeon() != nullptr) found.push_back(kernelNeon());
  found.push_back(kernelScalar());
  return found;
}

}  // namespace

const std::vector<const Kernel*>& availableKernels() {
  static const std::vector<const Kernel*> kernels = detect();
  return kernels;
}

const Kernel* chooseKernel(const std::string& name) {
  const auto& kernels = availableKernels();
  if (name.empty()) return kernels.front();
  std::string names;
  for (const Kernel* kernel : kernels) {
    if (name == kernel->name) return kernel;
    names += names.empty() ? kernel->name : std::string(", ") + kernel->name;
  }
  throw std::invalid_argument("SIMD level '" + name + "' cannot run here; this machine runs: " + names);
}

}  // namespace longleaf
