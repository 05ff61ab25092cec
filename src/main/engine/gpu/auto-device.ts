/**
 * Whether `--backend auto` takes a graphics card, and why: one that is a card, multiplies rightly, and moves so many
 * bytes a second that a token costs less there than on the processor. Found by a short test, once for each adapter and
 * driver.
 */
import { couldHaveCard, NO_CARD } from './card-look.ts';
import type { DeviceOptions } from './device.ts';
import { Device } from './device.ts';
import type { Arithmetic } from './kernels/index.ts';
import type { AdapterFindings } from './adapter-test.ts';
import { findingsOf } from './adapter-test.ts';

/**
 * From so many GB/s (read and written) on a card is taken: what two channels of a computer's memory, which integrated
 * graphics share with the processor, do not reach.
 */
const LEAST_SPEED = 100;

export type AutoDevice =
  | {
      readonly backend: 'webgpu';
      readonly reason: string;
      readonly device: Device;
      readonly arithmetic: Arithmetic;
    }
  | { readonly backend: 'cpu'; readonly reason: string };

export interface AutoDeviceOptions extends DeviceOptions {
  /** part of an adapter's name: the user's choice, which needs not be fast; nor be a card */
  readonly device?: string;
  /** where findings are kept; null: nowhere */
  readonly dataFolder: string | null;
}

/** Never fails: what goes wrong is the reason for the processor. */
export async function autoDevice(options: AutoDeviceOptions): Promise<AutoDevice> {
  const { device: name, dataFolder } = options;
  if (name === undefined && !couldHaveCard()) return processor(NO_CARD);
  try {
    const device = await Device.open(name, options);
    const verdict = await judge(device, name !== undefined, dataFolder);
    if (verdict.backend === 'cpu') device.release();
    return verdict;
  } catch (error) {
    return processor(error instanceof Error ? error.message : String(error));
  }
}

async function judge(device: Device, isNamed: boolean, dataFolder: string | null): Promise<AutoDevice> {
  if (device.software && !isNamed)
    return processor(`the only graphics adapter, ${device.name}, computes on the processor`);
  const findings = await findingsOf(device, dataFolder);
  return verdictOn(findings, device, isNamed);
}

function verdictOn(
  { wrong, copySpeed, arithmetic }: AdapterFindings,
  device: Device,
  isNamed: boolean,
): AutoDevice {
  if (wrong !== null) return processor(`${device.name} failed the self-test: ${wrong}`);
  if (isNamed) return { backend: 'webgpu', reason: `${device.name} was chosen by name`, device, arithmetic };
  const moves = `${device.name} moves ${String(Math.round(copySpeed))} GB/s`;
  if (copySpeed < LEAST_SPEED)
    return processor(`${moves}, and from ${String(LEAST_SPEED)} GB/s on a card is taken`);
  return { backend: 'webgpu', reason: moves, device, arithmetic };
}

function processor(reason: string): AutoDevice {
  return { backend: 'cpu', reason };
}
