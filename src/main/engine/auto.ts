/** `--backend auto`: the graphics card where one is fast, right and has room for the model; else the processor. */
import { AppError } from '../../shared/errors.ts';
import type { GgufFile } from '../formats/index.ts';
import { couldHaveCard, NO_CARD } from './gpu/card-look.ts';
import { OPENING, watched } from './gpu/driver-watch.ts';
import { driverSeconds, type CardOptions } from './gpu/environment-options.ts';
import type { Runtime } from './runtime.ts';

export interface AutoRuntime {
  readonly runtime: Runtime;
  /** why this backend */
  readonly reason: string;
}

export interface AutoOptions {
  /** adapter, K and V, memory: as the user chose */
  readonly card: CardOptions;
  /** where the findings of an adapter are kept; null: nowhere */
  readonly dataFolder: string | null;
  readonly openProcessor: () => Promise<Runtime>;
}

/**
 * @throws AppError 'invalid-input' when the model file is at fault: the processor would get it wrong too; else what
 *   `openProcessor` throws
 */
export async function openAuto(
  gguf: GgufFile,
  { card, dataFolder, openProcessor }: AutoOptions,
): Promise<AutoRuntime> {
  if (card.device === undefined && !couldHaveCard())
    return { runtime: await openProcessor(), reason: NO_CARD };
  const { autoDevice } = await import('./gpu/auto-device.ts');
  const choice = await watched(driverSeconds(process.env), OPENING, () =>
    autoDevice({ ...card, dataFolder }),
  );
  if (choice.backend === 'cpu') return { runtime: await openProcessor(), reason: choice.reason };
  try {
    const { openOnDevice } = await import('./gpu/index.ts');
    return {
      runtime: await openOnDevice(gguf, choice.device, { arithmetic: choice.arithmetic, ...card }),
      reason: choice.reason,
    };
  } catch (error) {
    choice.device.release();
    if (error instanceof AppError && error.code === 'invalid-input') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return { runtime: await openProcessor(), reason };
  }
}
