// The dense part's share of the Node-API surface.
#pragma once
#include <napi.h>

namespace longleaf {

/// Adds packedBytes, pack, NativeWeights, NativeDense and what describes the dense kernels.
void exportDense(Napi::Env env, Napi::Object exports);

}  // namespace longleaf
