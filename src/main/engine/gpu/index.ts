/** The webgpu backend: the whole model in WGSL on Dawn, on the graphics adapters of this machine. */
import type { GgufFile } from '../../formats/index.ts';
import type { Device } from './device.ts';
import type { GpuRuntimeOptions } from './gpu-runtime.ts';
import { GpuRuntime } from './gpu-runtime.ts';
import { Kernels } from './kernels/index.ts';

export { GpuRuntime } from './gpu-runtime.ts';
export type { GpuRuntimeOptions } from './gpu-runtime.ts';

/**
 * Loads a model for the webgpu backend; the file may be closed afterwards.
 * @throws AppError 'unsupported' when there is no adapter or the model does not fit it, 'invalid-input' when the file
 *   is damaged
 */
export async function createGpuRuntime(gguf: GgufFile, options?: GpuRuntimeOptions): Promise<GpuRuntime> {
  return GpuRuntime.open(gguf, options);
}

/** The same on a device that is open already, and stays open. */
export async function openOnDevice(
  gguf: GgufFile,
  device: Device,
  options?: GpuRuntimeOptions,
): Promise<GpuRuntime> {
  return GpuRuntime.open(gguf, { ...options, shared: { device, kernels: new Kernels(device.gpu) } });
}
