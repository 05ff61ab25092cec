// Arguments from JavaScript: every number is checked before it is used.
#pragma once
#include <napi.h>

#include "cache.h"

namespace longleaf {

/// An integer in [low, high]. Throws a TypeError or RangeError that names `what`.
int64_t integerArgument(const Napi::Value& value, int64_t low, int64_t high, const char* what);

/// The bytes or floats of a typed array of exactly the right kind.
struct Bytes {
  uint8_t* data;
  int64_t length;
};
Bytes bytesArgument(const Napi::Value& value, const char* what);

struct Floats {
  float* data;
  int64_t length;
};
Floats floatsArgument(const Napi::Value& value, const char* what);

/// Properties of an object from JavaScript, of the kind that is asked for.
Napi::Object objectOf(const Napi::Value& value, const char* what);
Napi::Array arrayOf(const Napi::Object& object, const char* name);
std::string textOf(const Napi::Object& object, const char* name);
double finiteOf(const Napi::Object& object, const char* name);
int64_t integerOf(const Napi::Object& object, const char* name, int64_t low, int64_t high);

/// NativeCacheSpec (native-contract.ts). @param simd the kernel when the spec names none
CacheSpec specArgument(const Napi::Value& value, const Kernel* standard);

}  // namespace longleaf
