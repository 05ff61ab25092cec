#include "arguments.h"

#include <cmath>

namespace longleaf {

namespace {

double numberOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a number");
  return value.As<Napi::Number>().DoubleValue();
}

bool flagOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsBoolean()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be true or false");
  return value.As<Napi::Boolean>().Value();
}

}  // namespace

Napi::Object objectOf(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be an object");
  return value.As<Napi::Object>();
}

double finiteOf(const Napi::Object& object, const char* name) {
  const double x = numberOf(object, name);
  if (!std::isfinite(x)) throw Napi::RangeError::New(object.Env(), std::string(name) + " must be finite");
  return x;
}

double positiveOf(const Napi::Value& value, const char* what) {
  const double x = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(std::isfinite(x) && x > 0)) throw Napi::RangeError::New(value.Env(), std::string(what) + " must be a positive number");
  return x;
}

int64_t integerOf(const Napi::Object& object, const char* name, int64_t low, int64_t high) {
  return integerArgument(object.Get(name), low, high, name);
}

std::string textOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsString()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

Napi::Array arrayOf(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsArray()) throw Napi::TypeError::New(object.Env(), std::string(name) + " must be an array");
  return value.As<Napi::Array>();
}

namespace {

constexpr int64_t kLargestDistance = int64_t(1) << 46;
constexpr int64_t kLargestHeads = 1024;
constexpr uint32_t kLargestRings = 1u << 16;

RingKind ringKind(const Napi::Object& ring) {
  const std::string kind = textOf(ring, "kind");
  if (kind == "sliding") return RingKind::sliding;
  if (kind == "aligned") return RingKind::aligned;
  if (kind == "sinks") return RingKind::sinks;
  throw Napi::TypeError::New(ring.Env(), "ring kind '" + kind + "' is none of sliding, aligned, sinks");
}

Ring ringOf(const Napi::Value& value) {
  const Napi::Object from = objectOf(value, "ring");
  Ring ring;
  ring.kind = ringKind(from);
  ring.kvHead = static_cast<int>(integerOf(from, "kvHead", 0, kLargestHeads));
  ring.firstHead = static_cast<int>(integerOf(from, "firstHead", 0, kLargestHeads));
  ring.headCount = static_cast<int>(integerOf(from, "headCount", 1, kLargestHeads));
  ring.stride = integerOf(from, "stride", 1, kLargestDistance);
  ring.residue = integerOf(from, "residue", 0, kLargestDistance);
  ring.lo = integerOf(from, "lo", 0, kLargestDistance);
  ring.hi = std::isinf(numberOf(from, "hi")) && numberOf(from, "hi") > 0 ? kEndless
                                                                        : integerOf(from, "hi", 0, kLargestDistance);
  ring.align = integerOf(from, "align", 0, kLargestDistance);
  ring.sparseQueries = flagOf(from, "sparseQueries");
  ring.denseUpTo = integerOf(from, "denseUpTo", 0, kLargestDistance);
  ring.source = static_cast<int>(integerOf(from, "source", -1, kLargestRings));
  ring.slope = finiteOf(from, "slope");
  ring.intercept = finiteOf(from, "intercept");
  return ring;
}

void readPlan(const Napi::Object& compiled, CacheSpec& spec) {
  const Napi::Object geometry = objectOf(compiled.Get("geometry"), "compiled.geometry");
  spec.heads = static_cast<int>(integerOf(geometry, "heads", 1, kLargestHeads));
  spec.kvHeads = static_cast<int>(integerOf(geometry, "kvHeads", 1, kLargestHeads));
  spec.headDim = static_cast<int>(integerOf(geometry, "headDim", 2, kLargestHeadDim));
  spec.sinkCount = integerOf(compiled, "sinkCount", 0, kLargestDistance);
  const Napi::Array rings = arrayOf(compiled, "rings");
  if (rings.Length() > kLargestRings) throw Napi::RangeError::New(compiled.Env(), "too many rings");
  for (uint32_t i = 0; i < rings.Length(); i++) spec.rings.push_back(ringOf(rings.Get(i)));
  const Napi::Array map = arrayOf(compiled, "distanceMap");
  for (uint32_t i = 0; i < map.Length(); i++) {
    const Napi::Object segment = objectOf(map.Get(i), "distanceMap entry");
    spec.distanceMap.push_back({finiteOf(segment, "from"), finiteOf(segment, "base"), finiteOf(segment, "slope")});
  }
}

void readRotation(const Napi::Object& from, CacheSpec& spec) {
  const Napi::Value frequencies = from.Get("inverseFrequencies");
  if (!frequencies.IsTypedArray() || frequencies.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array)
    throw Napi::TypeError::New(from.Env(), "inverseFrequencies must be a Float64Array");
  const auto array = frequencies.As<Napi::Float64Array>();
  for (size_t i = 0; i < array.ElementLength(); i++) {
    if (!std::isfinite(array[i])) throw Napi::RangeError::New(from.Env(), "inverseFrequencies must be finite");
    spec.rotation.inverseFrequencies.push_back(array[i]);
  }
  const Napi::Value xpos = from.Get("xpos");
  if (xpos.IsNull() || xpos.IsUndefined()) return;
  spec.rotation.xposScaleBase = finiteOf(objectOf(xpos, "xpos"), "scaleBase");
  if (spec.rotation.xposScaleBase <= 0) throw Napi::RangeError::New(from.Env(), "xpos.scaleBase must be positive");
}

}  // namespace

int64_t integerArgument(const Napi::Value& value, int64_t low, int64_t high, const char* what) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a number");
  const double x = value.As<Napi::Number>().DoubleValue();
  if (!(x >= static_cast<double>(low) && x <= static_cast<double>(high)) || x != std::floor(x))
    throw Napi::RangeError::New(value.Env(), std::string(what) + " must be an integer between " + std::to_string(low) +
                                                 " and " + std::to_string(high));
  return static_cast<int64_t>(x);
}

Bytes bytesArgument(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Uint8Array");
  auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), static_cast<int64_t>(array.ElementLength())};
}

Floats floatsArgument(const Napi::Value& value, const char* what) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Float32Array");
  auto array = value.As<Napi::Float32Array>();
  return {array.Data(), static_cast<int64_t>(array.ElementLength())};
}

CacheSpec specArgument(const Napi::Value& value, const Kernel* standard) {
  const Napi::Object from = objectOf(value, "spec");
  CacheSpec spec;
  readPlan(objectOf(from.Get("compiled"), "compiled"), spec);
  readRotation(from, spec);
  spec.layers = static_cast<int>(integerOf(from, "layers", 1, 1024));
  spec.maxRows = static_cast<int>(integerOf(from, "maxRows", 1, 1 << 16));
  const Napi::Value threads = from.Get("threads");
  if (!threads.IsUndefined()) spec.threads = static_cast<int>(integerArgument(threads, 1, 64, "threads"));
  const std::string storage = textOf(from, "storage");
  if (storage != "bf16" && storage != "f32")
    throw Napi::TypeError::New(value.Env(), "storage must be 'bf16' or 'f32'");
  spec.bf16 = storage == "bf16";
  spec.kernel = from.Get("simd").IsUndefined() ? standard : chooseKernel(textOf(from, "simd"));
  const Napi::Value softCap = from.Get("softCap");
  if (!softCap.IsUndefined() && !softCap.IsNull())
    spec.softCap = static_cast<float>(positiveOf(softCap, "softCap") * 1.4426950408889634);
  finishSpec(spec);
  return spec;
}

}  // namespace longleaf
