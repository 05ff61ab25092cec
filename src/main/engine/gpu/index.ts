/** The webgpu backend: the whole model in WGSL on Dawn, on the graphics adapters of this machine. */
import type { GgufFile } from '../../formats/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { findingsOf } from './adapter-test.ts';
import { Device } from './device.ts';
import { OPENING, watched } from './driver-watch.ts';
import { driverSeconds } from './environment-options.ts';
import type { GpuRuntimeOptions } from './gpu-runtime.ts';
import { GpuRuntime } from './gpu-runtime.ts';
import type { Arithmetic } from './kernels/index.ts';
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

/** The same on a device that is open already, and stays open; `arithmetic` as its test found, or as asked for. */
export async function openOnDevice(
  gguf: GgufFile,
  device: Device,
  options: GpuRuntimeOptions & { readonly arithmetic: Arithmetic },
): Promise<GpuRuntime> {
  const { arithmetic } = options;
  return GpuRuntime.open(gguf, {
    ...options,
    shared: { device, kernels: new Kernels(device, { arithmetic }) },
  });
}

/**
 * On the adapter that `options` name, tested before it computes anything: once, if there is a folder to remember it in.
 * @throws AppError as `createGpuRuntime`, and 'unsupported' when the adapter multiplies wrongly
 */
export async function openTested(
  gguf: GgufFile,
  options: GpuRuntimeOptions,
  dataFolder: string | null,
): Promise<GpuRuntime> {
  const { device, findings } = await watched(driverSeconds(process.env), OPENING, async () => {
    const opened = await Device.open(options.device, options);
    return { device: opened, findings: await findingsOf(opened, dataFolder) };
  });
  try {
    const { wrong, arithmetic } = findings;
    if (wrong !== null) {
      throw new AppError(
        'unsupported',
        `The graphics adapter ${device.name} failed the self-test: ${wrong}.`,
        'Update its driver, or use --backend cpu.',
      );
    }
    return await openOnDevice(gguf, device, { arithmetic, ...options });
  } catch (error) {
    device.release();
    throw error;
  }
}
