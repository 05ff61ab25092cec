/** The engine's only door: start an engine process, and the attention plans as data. */
export { startEngine, type StartEngineOptions } from './client.ts';
export type * from './engine.ts';
export type { ExchangeCounters } from './exchange.ts';
export type { Hyperparameters } from './runtime.ts';
export type { AttentionPlan, CompiledPlan, PlanGeometry } from './plan/types.ts';
export { compilePlan } from './plan/compile.ts';
export { loadPlan, planOfModel, preset, type PresetName } from './plan/presets.ts';
export { planRegions, type PlanRegion } from './plan/regions.ts';
export { parsePlan } from './plan/schema.ts';
export { geometryOf, readHyperparameters } from './hyperparameters.ts';
export { simdLevels } from './cpu/features.ts';
export { packedWeightBytes, removePackedWeights } from './cpu/packed-file.ts';
export { cpuProfile } from './cpu-profile.ts';
export { autoChoice, listAdapters } from './gpu/adapters.ts';
export { countGpuWork } from './gpu/count.ts';
export { onnxruntimePackage } from './cpu/onnx.ts';
// A small graph beside the engine: the sentence model of embedding/.
export { matrix, Session as OnnxSession } from './cpu/onnx.ts';
export { encodeModel, floatBytes, type Initializer, type Node as OnnxNode } from './cpu/onnx-model.ts';
export {
  attentionVectorErrors,
  cpuAttentionSpeed,
  cpuPeak,
  gpuKernelTimes,
  type AttentionSpeed,
  type MachinePeak,
  type VectorErrors,
} from './attention-bench.ts';
