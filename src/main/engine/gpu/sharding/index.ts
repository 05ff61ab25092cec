/** Opens a model on several graphics devices: the first in this process, each other one in a process of its own. */
import type { Runtime } from '../../runtime.ts';
import { environmentOfOthers } from '../dawn.ts';
import type { CardOptions } from '../environment-options.ts';
import { deviceNames } from '../environment-options.ts';
import type { GpuRuntime, GpuRuntimeOptions } from '../gpu-runtime.ts';
import { MAX_ROWS } from '../gpu-runtime.ts';
import { createExchangeFolder, Outbox, removeExchangeFolder } from './outbox.ts';
import type { RemoteStart } from './remote-protocol.ts';
import { RemoteShard } from './remote-shard.ts';
import { ShardedRuntime } from './sharded-runtime.ts';

/** Where processes find the model, and what is known of adapters. */
export type ModelPlace = Pick<RemoteStart, 'modelPath' | 'adapterPath' | 'dataFolder'>;

/**
 * @param card names one device, or several that share the work
 * @param openFirst opens the model on the first, or only one
 * @throws AppError as `openTested` for each of them, 'unsupported' when they do not compute alike
 */
export async function openDevices(
  card: CardOptions,
  place: ModelPlace,
  openFirst: (options: GpuRuntimeOptions) => Promise<GpuRuntime>,
): Promise<Runtime> {
  const [firstDevice, ...otherDevices] = deviceNames(card.device);
  if (otherDevices.length === 0) return openFirst(card);
  const roundRows = (otherDevices.length + 1) * MAX_ROWS;
  const first = await openFirst({ ...card, device: firstDevice, roundRows });
  const { arithmetic } = first;
  const environment = environmentOfOthers();
  const exchangeFolder = createExchangeFolder();
  // however it ends; where it is killed, the other processes do it
  process.once('exit', () => {
    removeExchangeFolder(exchangeFolder);
  });
  const common = { ...place, ...limitsOf(card), arithmetic, roundRows, exchangeFolder };
  const opening = otherDevices.map((device, i) =>
    RemoteShard.open({ ...common, device, index: i + 1 }, environment),
  );
  const opened = await Promise.allSettled(opening);
  const others = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    await Promise.all(opening);
    return new ShardedRuntime(first, others, { outbox: new Outbox(exchangeFolder, 0) });
  } catch (error) {
    await Promise.all([first.release(), ...others.map((shard) => shard.close())]);
    throw error;
  }
}

/** Keys and values in 32 bits are for tests in one process. */
function limitsOf({
  kvBits,
  memoryLimit,
  subgroups,
}: CardOptions): Pick<RemoteStart, 'kvBits' | 'memoryLimit' | 'subgroups'> {
  return {
    ...(kvBits === undefined || kvBits === 32 ? {} : { kvBits }),
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
    ...(subgroups === undefined ? {} : { subgroups }),
  };
}
