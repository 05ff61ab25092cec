// The Node-API surface: native-contract.ts. One binary for every Node (NAPI_VERSION 8), no external memory.
//
// C++ exceptions become JavaScript errors (NODE_ADDON_API_CPP_EXCEPTIONS_ALL); std::invalid_argument is a caller's
// mistake, std::runtime_error a wrong order of calls or lack of memory.
#include <cstdlib>

#include "addon_dense.h"
#include "arguments.h"
#include "peak.h"

namespace longleaf {

namespace {

const Kernel* standardKernel() {
  static const Kernel* kernel = [] {
    const char* forced = std::getenv("LONGLEAF_SIMD");
    return chooseKernel(forced == nullptr ? "" : forced);
  }();
  return kernel;
}

class NativeCache : public Napi::ObjectWrap<NativeCache> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeCache",
                       {InstanceAccessor<&NativeCache::position>("position"),
                        InstanceAccessor<&NativeCache::bytes>("bytes"),
                        InstanceMethod<&NativeCache::begin>("begin"),
                        InstanceMethod<&NativeCache::attend>("attend"),
                        InstanceMethod<&NativeCache::commit>("commit"),
                        InstanceMethod<&NativeCache::reach>("reach"),
                        InstanceMethod<&NativeCache::fork>("fork"),
                        InstanceMethod<&NativeCache::snapshotBytes>("snapshotBytes"),
                        InstanceMethod<&NativeCache::readSnapshot>("readSnapshot"),
                        InstanceMethod<&NativeCache::writeSnapshot>("writeSnapshot"),
                        InstanceMethod<&NativeCache::finishRestore>("finishRestore"),
                        InstanceMethod<&NativeCache::fillSynthetic>("fillSynthetic"),
                        InstanceMethod<&NativeCache::release>("release")});
  }

  // `new NativeCache(spec)`, or `new NativeCache(cache)` for a fork
  explicit NativeCache(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NativeCache>(info) {
    if (info[0].IsObject() && info[0].As<Napi::Object>().InstanceOf(constructor(info.Env())))
      cache_ = std::make_unique<Cache>(Unwrap(info[0].As<Napi::Object>())->open(info.Env()));
    else
      cache_ = std::make_unique<Cache>(specArgument(info[0], standardKernel()));
    account(info.Env());
  }

  static Napi::Function constructor(Napi::Env env) { return env.GetInstanceData<Napi::FunctionReference>()->Value(); }

  void Finalize(Napi::Env env) override { free(env); }

 private:
  Cache& open(Napi::Env env) {
    if (!cache_) throw Napi::Error::New(env, "the cache has been released");
    return *cache_;
  }

  // tells the garbage collector how much this small object keeps alive
  void account(Napi::Env env) {
    const int64_t now = cache_ ? static_cast<int64_t>(cache_->bytes()) : 0;
    Napi::MemoryManagement::AdjustExternalMemory(env, now - accounted_);
    accounted_ = now;
  }

  void free(Napi::Env env) {
    cache_.reset();
    account(env);
  }

  Napi::Value position(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(open(info.Env()).position()));
  }
  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), cache_ ? static_cast<double>(cache_->bytes()) : 0);
  }
  void begin(const Napi::CallbackInfo& info) {
    open(info.Env()).begin(integerArgument(info[0], 1, 1 << 16, "rows"));
  }
  void attend(const Napi::CallbackInfo& info) {
    Cache& cache = open(info.Env());
    const CacheSpec& spec = cache.spec();
    const int64_t layer = integerArgument(info[0], 0, spec.layers - 1, "layer");
    const Floats qkv = floatsArgument(info[1], "qkv"), out = floatsArgument(info[2], "out");
    const int64_t width = static_cast<int64_t>(cache.rows()) * spec.headDim;
    if (qkv.length < width * (spec.heads + 2 * spec.kvHeads) || out.length < width * spec.heads)
      throw Napi::RangeError::New(info.Env(), "qkv or out is too short for " + std::to_string(cache.rows()) + " rows");
    cache.attend(layer, qkv.data, out.data);
  }
  void commit(const Napi::CallbackInfo& info) {
    Cache& cache = open(info.Env());
    cache.commit(info[0].IsUndefined() ? cache.rows() : integerArgument(info[0], 1, cache.rows(), "rows"));
    account(info.Env());
  }
  Napi::Value reach(const Napi::CallbackInfo& info) {
    const Reach reach = open(info.Env()).reach();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("exact", static_cast<double>(reach.exact));
    result.Set("sparse", static_cast<double>(reach.sparse));
    return result;
  }
  Napi::Value fork(const Napi::CallbackInfo& info) {
    open(info.Env());
    return constructor(info.Env()).New({info.This()});
  }
  Napi::Value snapshotBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(open(info.Env()).snapshotBytes()));
  }
  void readSnapshot(const Napi::CallbackInfo& info) {
    const int64_t offset = integerArgument(info[0], 0, kEndless, "offset");
    const Bytes target = bytesArgument(info[1], "target");
    open(info.Env()).readSnapshot(offset, target.data, target.length);
  }
  void writeSnapshot(const Napi::CallbackInfo& info) {
    const int64_t offset = integerArgument(info[0], 0, kEndless, "offset");
    const Bytes bytes = bytesArgument(info[1], "bytes");
    open(info.Env()).writeSnapshot(offset, bytes.data, bytes.length);
  }
  void finishRestore(const Napi::CallbackInfo& info) {
    open(info.Env()).finishRestore(integerArgument(info[0], 0, kMaximumPosition, "position"));
    account(info.Env());
  }
  void fillSynthetic(const Napi::CallbackInfo& info) {
    const int64_t position = integerArgument(info[0], 0, kMaximumPosition, "position");
    open(info.Env()).fillSynthetic(position, static_cast<uint64_t>(integerArgument(info[1], 0, 0xffffffff, "seed")));
    account(info.Env());
  }
  void release(const Napi::CallbackInfo& info) { free(info.Env()); }

  std::unique_ptr<Cache> cache_;
  int64_t accounted_ = 0;
};

Napi::Value measurePeakCall(const Napi::CallbackInfo& info) {
  const int threads = static_cast<int>(integerArgument(info[1], 1, 64, "threads"));
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "simd must be a string");
  const Peak peak = measurePeak(*chooseKernel(info[0].As<Napi::String>().Utf8Value()), threads);
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("operationsPerSecond", peak.operationsPerSecond);
  result.Set("bytesPerSecond", peak.bytesPerSecond);
  return result;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("simd", standardKernel()->name);
  Napi::Array available = Napi::Array::New(env);
  for (const Kernel* kernel : availableKernels()) available.Set(available.Length(), kernel->name);
  exports.Set("available", available);
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(NativeCache::define(env))));
  exports.Set("createCache", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return NativeCache::constructor(info.Env()).New({info[0]});
              }));
  exports.Set("measurePeak", Napi::Function::New(env, measurePeakCall));
  exportDense(env, exports);
  return exports;
}

}  // namespace

}  // namespace longleaf

static Napi::Object initialiseLongleaf(Napi::Env env, Napi::Object exports) { return longleaf::initialise(env, exports); }
NODE_API_MODULE(longleaf, initialiseLongleaf)
