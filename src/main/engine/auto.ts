/** `--backend auto`: the graphics card where one is fast, right and has room for the model; else the processor. */
import { AppError } from '../../shared/errors.ts';
import type { GgufFile } from '../formats/index.ts';
import { couldHaveCard, NO_CARD } from './gpu/card-look.ts';
import { OPENING, watched } from './gpu/driver-watch.ts';
import { deviceNames, driverSeconds, type CardOptions } from './gpu/environment-options.ts';
import type { GpuRuntime, GpuRuntimeOptions } from './gpu/index.ts';
import type { ModelPlace } from './gpu/sharding/index.ts';
import type { Runtime } from './runtime.ts';

export interface AutoRuntime {
  readonly runtime: Runtime;
  /** why this backend */
  readonly reason: string;
}

export interface AutoOptions {
  /** adapter, K and V, memory: as the user chose */
  readonly card: CardOptions;
  readonly place: ModelPlace;
  readonly openProcessor: () => Promise<Runtime>;
}

/**
 * @throws AppError 'invalid-input' when the model file is at fault: the processor would get it wrong too; else what
 *   `openProcessor` throws
 */
export async function openAuto(
  gguf: GgufFile,
  { card, place, openProcessor }: AutoOptions,
): Promise<AutoRuntime> {
  if (card.device === undefined && !couldHaveCard())
    return { runtime: await openProcessor(), reason: NO_CARD };
  const { autoDevice } = await import('./gpu/auto-device.ts');
  const [device] = deviceNames(card.device);
  const { dataFolder } = place;
  const choice = await watched(driverSeconds(process.env), OPENING, () =>
    autoDevice({ ...card, ...(device === undefined ? {} : { device }), dataFolder }),
  );
  if (choice.backend === 'cpu') return { runtime: await openProcessor(), reason: choice.reason };
  try {
    const { openOnDevice } = await import('./gpu/index.ts');
    const { openDevices } = await import('./gpu/sharding/index.ts');
    const { arithmetic } = choice;
    const open = (options: GpuRuntimeOptions): Promise<GpuRuntime> =>
      openOnDevice(gguf, choice.device, { arithmetic, ...options });
    return { runtime: await openDevices(card, place, open), reason: choice.reason };
  } catch (error) {
    choice.device.release();
    if (error instanceof AppError && error.code === 'invalid-input') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { runtime: await openProcessor(), reason };
  }
}
