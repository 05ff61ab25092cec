/** Two devices as the app has them: an engine process, and the process of its second device. */
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine } from '../../client.ts';
import type { BenchEngine, StateHandle } from '../../engine.ts';
import { tinyIds, tinyModel, tinyModelHash, tinyPlan } from '../../testing/tiny-engine.ts';
import { skippedWithoutAdapters, skipWithoutAdapters } from '../testing/software-adapters.ts';

const plan = tinyPlan();
const ids = tinyIds(560);

describe.skipIf(skipWithoutAdapters)(`two devices in two processes${skippedWithoutAdapters}`, () => {
  let model: ReturnType<typeof tinyModel>;
  beforeAll(() => {
    model = tinyModel();
  });
  afterAll(() => {
    model.remove();
  });

  /** Adapters are tested once, and remembered in the folder. */
  function start(
    device: string,
    more: Partial<Parameters<typeof startEngine>[0]> = {},
  ): Promise<BenchEngine> {
    return startEngine({
      modelPath: model.modelPath,
      modelHash: tinyModelHash,
      backend: 'webgpu',
      device,
      dataFolder: model.folder,
      maxMemoryMB: 100,
      maxDiskGB: 1,
      ...more,
    });
  }

  const emptyState = async (engine: BenchEngine): Promise<StateHandle> =>
    (await engine.open({ plan, ids: new Int32Array(0) })).state;

  /** Ids of the processes that have this test's model. */
  const processes = (script: string): readonly number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        const words = commandLine(pid);
        return words.includes(script) && words.includes(model.modelPath);
      })
      .map(Number);
  const chat = { priority: 'chat' } as const;

  it('give the state of one; when one is lost the other goes on from it', async () => {
    const two = await start('llvmpipe,llvmpipe');
    expect(two.info.device).toMatch(/llvmpipe.* \+ .*llvmpipe|Mesa.* \+ .*Mesa/);
    const state = await emptyState(two);
    const read = await two.prefill(state, ids, chat);
    expect(read.exchange).toMatchObject({ devices: 2, rounds: 1, layers: two.info.hyperparameters.layers });
    const stored = await two.snapshot(state, 'together');

    // the second device goes while it has work to do
    const more = tinyIds(4000, 7);
    const lost = two.prefill(state, more, {
      ...chat,
      onProgress: () => {
        for (const pid of processes('sharding/process.ts')) process.kill(pid, 'SIGKILL');
      },
    });
    await expect(lost).rejects.toMatchObject({
      code: 'engine-lost',
      message: expect.stringContaining('The process of the device "llvmpipe" ended unexpectedly') as string,
    });
    await two.close();
    expect(exchangeFolders(two)).toEqual([]);

    const one = await start('llvmpipe');
    expect(one.info.variant).toBe(two.info.variant);
    expect(await one.open({ plan, ids })).toMatchObject({ reused: ids.length, from: 'stored' });
    const alone = await emptyState(one);
    await one.prefill(alone, ids, chat);
    expect((await one.snapshot(alone, 'alone')).checksum).toBe(stored.checksum);
    await one.close();
  });

  it('an engine process that is killed leaves no process and no file', async () => {
    const two = await start('llvmpipe,llvmpipe');
    expect(exchangeFolders(two)).toHaveLength(1);
    process.kill(two.info.pid, 'SIGKILL');
    await vi.waitFor(() => expect(processes('process.ts')).toEqual([]), 10_000);
    expect(exchangeFolders(two)).toEqual([]);
    await two.close();
  });

  it('one that is not there is named, and no process is left', async () => {
    await expect(start('llvmpipe,no such card')).rejects.toMatchObject({
      code: 'unsupported',
      message: 'No graphics adapter has "no such card" in its name.',
    });
    await vi.waitFor(() => expect(processes('process.ts')).toEqual([]), 10_000);
  });
});

function exchangeFolders({ info }: BenchEngine): readonly string[] {
  return ['/dev/shm', tmpdir()].flatMap((folder) =>
    readdirSync(folder).filter((name) => name.startsWith(`longleaf-exchange-${String(info.pid)}-`)),
  );
}

/** Nothing of a process that is gone. */
function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
