// NativeWeights and NativeDense: the dense part's share of native-contract.ts. Everything from JavaScript is checked
// here or by Dense's constructor; C++ exceptions become JavaScript errors.
#include "addon_dense.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "arguments.h"
#include "dense.h"
#include "dense_dispatch.h"
#include "packed.h"

namespace longleaf {

namespace {

constexpr int64_t kLargestSide = int64_t(1) << 31;
constexpr int64_t kLargestBytes = int64_t(1) << 46;
constexpr int64_t kLargestRows = 1 << 16;
constexpr int kMostThreads = 64;

constexpr napi_type_tag kWeightsTag = {0x4c6f6e676c656166, 0x5765696768747331};

PackedType packedTypeArgument(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  const int type = packedType(name.c_str());
  if (type < 0) throw Napi::TypeError::New(value.Env(), "tensor type '" + name + "' cannot be packed");
  return static_cast<PackedType>(type);
}

int64_t columnsArgument(const Napi::Value& value, PackedType type) {
  const int64_t columns = integerArgument(value, 1, kLargestSide, "columns");
  if (columns % traitsOf(type).ggufWeights != 0)
    throw Napi::RangeError::New(value.Env(), "columns must be whole blocks of the type");
  return columns;
}

size_t allPanels(PackedType type, int64_t rows, int64_t columns) {
  return panelBytes(type, columns) * static_cast<size_t>((rows + kPanel - 1) / kPanel);
}

void requireLength(Napi::Env env, int64_t length, int64_t needed, const char* what) {
  if (length < needed)
    throw Napi::RangeError::New(env, std::string(what) + " is too short: " + std::to_string(length) + " of " +
                                         std::to_string(needed) + " elements");
}

const DenseKernel* standardDense() {
  const char* forced = std::getenv("LONGLEAF_SIMD");
  return chooseDense(forced == nullptr ? "" : forced);
}

class NativeWeights : public Napi::ObjectWrap<NativeWeights> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeWeights", {InstanceMethod<&NativeWeights::write>("write"),
                                               InstanceMethod<&NativeWeights::checksum>("checksum")});
  }

  // `new NativeWeights(bytes)` or `new NativeWeights(path, offset, bytes)`
  explicit NativeWeights(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeWeights>(info) {
    Value().TypeTag(&kWeightsTag);
    if (!info[0].IsString()) {
      weights = std::make_shared<Weights>(integerArgument(info[0], 1, kLargestBytes, "bytes"));
      return;
    }
    const int64_t offset = integerArgument(info[1], 0, kLargestBytes, "offset");
    weights = std::make_shared<Weights>(info[0].As<Napi::String>().Utf8Value(), offset,
                                        integerArgument(info[2], 1, kLargestBytes, "bytes"));
  }

  static std::shared_ptr<Weights> from(const Napi::Value& value) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kWeightsTag))
      throw Napi::TypeError::New(value.Env(), "weights must be NativeWeights");
    return Unwrap(value.As<Napi::Object>())->weights;
  }

  std::shared_ptr<Weights> weights;

 private:
  Napi::Value checksum(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), weights->checksum()); }
  void write(const Napi::CallbackInfo& info) {
    const int64_t offset = integerArgument(info[0], 0, kLargestBytes, "offset");
    const Bytes bytes = bytesArgument(info[1], "bytes");
    if (weights->writable() == nullptr) throw Napi::Error::New(info.Env(), "a mapped file is not written");
    requireLength(info.Env(), static_cast<int64_t>(weights->size()) - offset, bytes.length, "weights");
    std::memcpy(weights->writable() + offset, bytes.data, bytes.length);
  }
};

// ---- spec ----

Matrix matrixOf(const Napi::Object& from, const char* name) {
  const Napi::Object object = objectOf(from.Get(name), name);
  Matrix matrix;
  matrix.columns = static_cast<int>(integerOf(object, "columns", 1, kLargestSide - 1));
  const Napi::Array segments = arrayOf(object, "segments");
  int64_t outputs = 0;
  for (uint32_t i = 0; i < segments.Length(); i++) {
    const Napi::Object segment = objectOf(segments.Get(i), "segment");
    Segment s;
    s.type = packedTypeArgument(segment.Get("type"));
    s.rows = static_cast<int>(integerOf(segment, "rows", 1, kLargestSide - 1));
    s.offset = static_cast<size_t>(integerOf(segment, "offset", 0, kLargestBytes));
    outputs += s.rows;
    matrix.segments.push_back(s);
  }
  if (matrix.segments.empty() || outputs >= kLargestSide)
    throw Napi::RangeError::New(from.Env(), std::string(name) + " has no or too many rows");
  matrix.outputs = static_cast<int>(outputs);
  return matrix;
}

std::vector<float> vectorOf(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsNull()) return {};
  const Floats floats = floatsArgument(value, name);
  return std::vector<float>(floats.data, floats.data + floats.length);
}

DenseLayer layerOf(const Napi::Object& from) {
  DenseLayer layer;
  layer.attentionNorm = vectorOf(from, "attentionNorm");
  layer.qkv = matrixOf(from, "qkv");
  layer.biases = vectorOf(from, "biases");
  layer.queryNorm = vectorOf(from, "queryNorm");
  layer.keyNorm = vectorOf(from, "keyNorm");
  layer.queryScales = vectorOf(from, "queryScales");
  layer.output = matrixOf(from, "output");
  layer.postAttentionNorm = vectorOf(from, "postAttentionNorm");
  layer.feedForwardNorm = vectorOf(from, "feedForwardNorm");
  layer.gate = matrixOf(from, "gate");
  layer.up = matrixOf(from, "up");
  layer.down = matrixOf(from, "down");
  layer.postFeedForwardNorm = vectorOf(from, "postFeedForwardNorm");
  return layer;
}

DenseSpec denseSpec(const Napi::Value& value) {
  const Napi::Object from = objectOf(value, "spec");
  DenseSpec spec;
  spec.embedding = static_cast<int>(integerOf(from, "embedding", 1, 1 << 20));
  spec.heads = static_cast<int>(integerOf(from, "heads", 1, 4096));
  spec.kvHeads = static_cast<int>(integerOf(from, "kvHeads", 1, 4096));
  spec.headDim = static_cast<int>(integerOf(from, "headDim", 2, 4096));
  spec.feedForward = static_cast<int>(integerOf(from, "feedForward", 1, 1 << 22));
  spec.vocabulary = static_cast<int>(integerOf(from, "vocabulary", 1, kLargestSide - 1));
  spec.epsilon = static_cast<float>(finiteOf(from, "epsilon"));
  spec.embeddingScale = static_cast<float>(finiteOf(from, "embeddingScale"));
  spec.logitSoftCap = from.Get("logitSoftCap").IsNull() ? 0 : static_cast<float>(finiteOf(from, "logitSoftCap"));
  const std::string activation = textOf(from, "activation");
  if (activation != "silu" && activation != "gelu")
    throw Napi::TypeError::New(value.Env(), "activation must be 'silu' or 'gelu'");
  spec.activation = activation == "silu" ? Activation::silu : Activation::gelu;
  spec.tokens = matrixOf(from, "tokens");
  spec.head = matrixOf(from, "head");
  spec.outputNorm = vectorOf(from, "outputNorm");
  const Napi::Array layers = arrayOf(from, "layers");
  for (uint32_t i = 0; i < layers.Length(); i++) spec.layers.push_back(layerOf(objectOf(layers.Get(i), "layer")));
  if (spec.layers.empty()) throw Napi::RangeError::New(value.Env(), "the model has no layers");
  spec.kernel = from.Get("simd").IsString() ? chooseDense(textOf(from, "simd")) : standardDense();
  return spec;
}

class NativeDense : public Napi::ObjectWrap<NativeDense> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeDense",
                       {InstanceAccessor<&NativeDense::simd>("simd"), InstanceMethod<&NativeDense::setThreads>("setThreads"),
                        InstanceMethod<&NativeDense::embed>("embed"), InstanceMethod<&NativeDense::entry>("entry"),
                        InstanceMethod<&NativeDense::joint>("joint"), InstanceMethod<&NativeDense::logits>("logits"),
                        InstanceMethod<&NativeDense::summarise>("summarise"),
                        InstanceMethod<&NativeDense::profile>("profile"),
                        InstanceMethod<&NativeDense::release>("release")});
  }

  // `new NativeDense(weights, spec)`
  explicit NativeDense(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<NativeDense>(info),
        dense_(std::make_unique<Dense>(NativeWeights::from(info[0]), denseSpec(info[1]))) {}

 private:
  Dense& open(const Napi::CallbackInfo& info) {
    if (!dense_) throw Napi::Error::New(info.Env(), "the model has been released");
    return *dense_;
  }
  static float* floats(const Napi::Value& value, int64_t rows, int64_t columns, const char* what) {
    const Floats given = floatsArgument(value, what);
    requireLength(value.Env(), given.length, rows * columns, what);
    return given.data;
  }
  int64_t qkvWidth() const {
    const DenseSpec& s = dense_->spec();
    return static_cast<int64_t>(s.heads + 2 * s.kvHeads) * s.headDim;
  }
  int64_t attentionWidth() const { return static_cast<int64_t>(dense_->spec().heads) * dense_->spec().headDim; }

  Napi::Value simd(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), open(info).spec().kernel->name);
  }
  void setThreads(const Napi::CallbackInfo& info) {
    open(info).setThreads(static_cast<int>(integerArgument(info[0], 1, kMostThreads, "row threads")),
                          static_cast<int>(integerArgument(info[1], 1, kMostThreads, "column threads")));
  }
  void embed(const Napi::CallbackInfo& info) {
    const DenseSpec& spec = open(info).spec();
    if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
      throw Napi::TypeError::New(info.Env(), "ids must be an Int32Array");
    const auto ids = info[0].As<Napi::Int32Array>();
    const int count = static_cast<int>(ids.ElementLength());
    float* x = floats(info[1], count, spec.embedding, "x");
    for (int i = 0; i < count; i++)
      if (ids[i] < 0 || ids[i] >= spec.vocabulary)
        throw Napi::RangeError::New(info.Env(), "id " + std::to_string(ids[i]) + " is not in the vocabulary");
    dense_->embed(ids.Data(), count, x);
  }
  void entry(const Napi::CallbackInfo& info) {
    Dense& dense = open(info);
    const int64_t rows = integerArgument(info[0], 1, kLargestRows, "rows");
    const float* x = floats(info[1], rows, dense.spec().embedding, "x");
    dense.entry(static_cast<int>(rows), x, floats(info[2], rows, qkvWidth(), "qkv"));
  }
  void joint(const Napi::CallbackInfo& info) {
    Dense& dense = open(info);
    const int64_t layer = integerArgument(info[0], 0, static_cast<int64_t>(dense.spec().layers.size()) - 2, "layer");
    const int64_t rows = integerArgument(info[1], 1, kLargestRows, "rows");
    const float* attention = floats(info[2], rows, attentionWidth(), "attention");
    float* residual = floats(info[3], rows, dense.spec().embedding, "residual");
    dense.joint(static_cast<int>(layer), static_cast<int>(rows), attention, residual,
                floats(info[4], rows, qkvWidth(), "qkv"));
  }
  void logits(const Napi::CallbackInfo& info) {
    Dense& dense = open(info);
    const int64_t rows = integerArgument(info[0], 1, kLargestRows, "rows");
    const float* attention = floats(info[1], rows, attentionWidth(), "attention");
    float* residual = floats(info[2], rows, dense.spec().embedding, "residual");
    dense.logits(static_cast<int>(rows), attention, residual, floats(info[3], rows, dense.spec().vocabulary, "logits"));
  }
  Napi::Value summarise(const Napi::CallbackInfo& info) {
    const Floats logits = floatsArgument(info[0], "logits");
    requireLength(info.Env(), logits.length, 1, "logits");
    if (logits.length >= kLargestSide) throw Napi::RangeError::New(info.Env(), "logits are more than a vocabulary");
    const LogitSummary summary = open(info).spec().kernel->summarise(logits.data, static_cast<int>(logits.length));
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("best", summary.best);
    result.Set("logSum", summary.logSum);
    return result;
  }
  // profile(true) starts, profile(false) ends; returns what was counted until now
  Napi::Value profile(const Napi::CallbackInfo& info) {
    Dense& dense = open(info);
    Napi::Array steps = Napi::Array::New(info.Env());
    for (int i = 0; i < kDenseSteps; i++) {
      const DenseProfile& profile = dense.profiles()[i];
      Napi::Object step = Napi::Object::New(info.Env());
      step.Set("step", kDenseStepNames[i]);
      step.Set("seconds", profile.seconds);
      step.Set("operations", profile.operations);
      step.Set("bytes", profile.bytes);
      step.Set("calls", static_cast<double>(profile.calls));
      steps.Set(static_cast<uint32_t>(i), step);
    }
    dense.profile(info[0].ToBoolean().Value());
    return steps;
  }
  void release(const Napi::CallbackInfo&) { dense_.reset(); }

  std::unique_ptr<Dense> dense_;
};

Napi::Value packedBytesCall(const Napi::CallbackInfo& info) {
  const PackedType type = packedTypeArgument(info[0]);
  const int64_t rows = integerArgument(info[1], 1, kLargestSide, "rows"), columns = columnsArgument(info[2], type);
  return Napi::Number::New(info.Env(), static_cast<double>(allPanels(type, rows, columns)));
}

/// The best of five, in operations or bytes a second.
template <class Work>
double best(const Work& work) {
  double most = 0;
  for (int turn = 0; turn < 5; turn++) {
    const auto start = std::chrono::steady_clock::now();
    const double count = work();
    most = std::max(most, count / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return most;
}

// densePeaks(level): what this processor can do at most, on one thread
Napi::Value densePeaks(const Napi::CallbackInfo& info) {
  const DenseKernel* kernel = chooseDense(info[0].ToString().Utf8Value());
  constexpr int64_t kRounds = 1000000, kReadBytes = int64_t(192) << 20;
  AlignedBuffer memory(kReadBytes);
  std::memset(memory.data(), 1, kReadBytes);
  Napi::Object peaks = Napi::Object::New(info.Env());
  peaks.Set("dots", best([&] { return kernel->dots(kRounds); }));
  peaks.Set("multiplyAdds", best([&] { return kernel->multiplyAdds(kRounds); }));
  peaks.Set("read", best([&] { return kernel->read(memory.data(), kReadBytes); }));
  return peaks;
}

Napi::Value packCall(const Napi::CallbackInfo& info) {
  const PackedType type = packedTypeArgument(info[0]);
  const Bytes source = bytesArgument(info[1], "source"), target = bytesArgument(info[4], "target");
  const int64_t rows = integerArgument(info[2], 1, kLargestSide, "rows"), columns = columnsArgument(info[3], type);
  const TypeTraits& t = traitsOf(type);
  requireLength(info.Env(), source.length, rows * (columns / t.ggufWeights) * t.ggufBytes, "source");
  requireLength(info.Env(), target.length, static_cast<int64_t>(allPanels(type, rows, columns)), "target");
  return Napi::Boolean::New(info.Env(), packRows(type, source.data, rows, columns, target.data));
}

}  // namespace

void exportDense(Napi::Env env, Napi::Object exports) {
  exports.Set("packedBytes", Napi::Function::New(env, packedBytesCall));
  exports.Set("pack", Napi::Function::New(env, packCall));
  exports.Set("densePeaks", Napi::Function::New(env, densePeaks));
  exports.Set("NativeWeights", NativeWeights::define(env));
  exports.Set("NativeDense", NativeDense::define(env));
  Napi::Array available = Napi::Array::New(env);
  for (const DenseKernel* kernel : availableDense()) available.Set(available.Length(), kernel->name);
  exports.Set("denseAvailable", available);
  exports.Set("dense", standardDense()->name);
}

}  // namespace longleaf
