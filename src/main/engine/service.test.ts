/**
 * The engine's promises on a tiny model: what a state holds depends on its token ids only, never on chunks,
 * cancels, forks, or stops; and a chat never waits long behind reading.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GeneratedToken } from './engine.ts';
import type { Runtime } from './runtime.ts';
import type { EngineService } from './service.ts';
import { StateStore } from './state/store.ts';
import {
  greedy,
  tinyIds,
  tinyModel,
  tinyPlan,
  tinyRuntime,
  tinyService,
  wrapped,
} from './testing/tiny-engine.ts';

describe.each(['reference', 'cpu'] as const)('EngineService on %s', (backend) => {
  let model: ReturnType<typeof tinyModel>;
  let runtime: Runtime;
  let folder: string;
  const services: EngineService[] = [];

  beforeAll(async () => {
    model = tinyModel();
    runtime = await tinyRuntime(model.modelPath, backend);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-service-'));
  });
  afterEach(async () => {
    for (const service of services.splice(0)) await service.close();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(async () => {
    await runtime.release();
    model.remove();
  });

  interface StartOptions {
    /** in place of the shared one */
    readonly runtime?: Runtime;
    /** with a state.db in this test's folder */
    readonly stored?: boolean;
    readonly maxRows?: number;
  }

  function start({ stored = false, runtime: own = runtime, ...options }: StartOptions = {}): EngineService {
    const store = stored
      ? new StateStore(folder, { maxBytes: 1e9, onNote: () => undefined, pageBytes: 16_384 })
      : null;
    // The runtime is shared by the tests: it stays when a service closes.
    const service = tinyService(wrapped(own, { release: async () => undefined }), { store, ...options });
    services.push(service);
    return service;
  }

  /** Closes the service as a core's end would: the next one may open state.db. */
  async function stop(service: EngineService): Promise<void> {
    services.splice(services.indexOf(service), 1);
    await service.close();
  }

  async function read(service: EngineService, ids: Int32Array, useStored = true): Promise<number> {
    const { state, reused } = await service.open({ plan: tinyPlan(), ids, useStored });
    await service.prefill(state, ids.subarray(reused), 'reading');
    return state;
  }

  async function answer(service: EngineService, state: number, maxTokens = 6): Promise<GeneratedToken[]> {
    const tokens: GeneratedToken[] = [];
    const sampling = { ...greedy, temperature: 0.8, seed: 42, maxTokens };
    await service.generate({ state, sampling, stop: [], priority: 'chat' }, (token) => tokens.push(token));
    return tokens;
  }

  it('gives one checksum for every chunking, fork and resume', async () => {
    const ids = tinyIds(700);
    const checksums = new Set<string>();
    for (const maxRows of [1, 7, 64, 128]) {
      const service = start({ stored: true, maxRows });
      const state = await read(service, ids, false);
      checksums.add((await service.snapshot(state, `chunks of ${maxRows}`)).checksum);
      await stop(service);
    }
    const forked = start({ stored: true });
    const half = await read(forked, ids.subarray(0, 333), false);
    const copy = await forked.fork(half);
    await forked.prefill(half, tinyIds(50, 2), 'chat');
    await forked.prefill(copy, ids.subarray(333), 'chat');
    checksums.add((await forked.snapshot(copy, 'forked')).checksum);
    expect(checksums.size).toBe(1);
  });

  it('goes on from a stored state exactly as if it had never stopped', async () => {
    const ids = tinyIds(600);
    const rest = tinyIds(90, 3);
    const first = start({ stored: true });
    const state = await read(first, ids);
    await first.snapshot(state, 'library');
    const firstAnswer = await answer(first, await first.fork(state));
    await first.prefill(state, rest, 'chat');
    const never = await first.snapshot(state, 'never stopped');
    await stop(first);

    const second = start({ stored: true });
    await second.removeStored('never stopped');
    const opened = await second.open({ plan: tinyPlan(), ids: Int32Array.from([...ids, ...rest]) });
    expect(opened).toMatchObject({ reused: 600, from: 'stored' });
    expect(await answer(second, await second.fork(opened.state))).toEqual(firstAnswer);
    await second.prefill(opened.state, rest, 'chat');
    expect(await second.snapshot(opened.state, 'stopped')).toMatchObject({
      checksum: never.checksum,
      prefixHash: never.prefixHash,
      bytes: never.bytes,
    });
  });

  it('edits turn 2 of 10 to the same answers as a fresh chat, bit for bit', async () => {
    const library = tinyIds(400);
    const turns = Array.from({ length: 10 }, (_, turn) => tinyIds(20, 100 + turn));
    const edited = turns.map((turn, index) => (index === 1 ? tinyIds(25, 999) : turn));

    const chat = async (service: EngineService, questions: Int32Array[]): Promise<GeneratedToken[][]> => {
      let context = library;
      const answers: GeneratedToken[][] = [];
      for (const question of questions) {
        context = Int32Array.from([...context, ...question]);
        const { state, reused } = await service.open({ plan: tinyPlan(), ids: context });
        await service.prefill(state, context.subarray(reused), 'chat');
        const tokens = await answer(service, state);
        answers.push(tokens);
        context = Int32Array.from([...context, ...tokens.map(({ id }) => id)]);
        service.release(state);
      }
      return answers;
    };
    const one = start({ stored: true });
    const base = await read(one, library);
    await one.snapshot(base, 'library');
    const before = await chat(one, turns);
    const afterEdit = await chat(one, edited);
    const fresh = await chat(start(), edited);
    expect(afterEdit).toEqual(fresh);
    expect(afterEdit[0]).toEqual(before[0]);
    expect(afterEdit[1]).not.toEqual(before[1]);
  });

  it('answers the same from a restored state that ends exactly where the answer begins', async () => {
    const ids = tinyIds(100);
    const first = start({ stored: true });
    const state = await read(first, ids);
    await first.snapshot(state, 'turn');
    const expected = await answer(first, state);
    await stop(first);
    const second = start({ stored: true });
    const { state: restored, reused } = await second.open({ plan: tinyPlan(), ids });
    expect(reused).toBe(100);
    expect(await answer(second, restored)).toEqual(expected);
  });

  it.each([1, 2])('repeats a chunk that was aborted before layer %i to the same bits', async (layer) => {
    const ids = tinyIds(300);
    const abort = new AbortController();
    let calls = 0;
    const aborting = wrapped(runtime, {
      forward: (cache, chunk, options) =>
        runtime.forward(cache, chunk, {
          ...options,
          betweenLayers: async () => {
            await options.betweenLayers?.();
            if (cache.position === 128 && ++calls === layer) abort.abort();
          },
        }),
    });
    const service = start({ runtime: aborting, stored: true });
    const { state } = await service.open({ plan: tinyPlan(), ids });
    const reading = service.prefill(state, ids, 'reading', { signal: abort.signal });
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    const { read: readAgain } = await service.prefill(state, ids.subarray(128), 'reading');
    expect(readAgain).toBe(172);
    const disturbed = await service.snapshot(state, 'disturbed');
    const undisturbed = await service.snapshot(await read(service, ids, false), 'undisturbed');
    expect(disturbed.checksum).toBe(undisturbed.checksum);
  });

  it('does not mix states of different plans', async () => {
    const service = start();
    const ids = tinyIds(80);
    service.release(await read(service, ids));
    const open = async (name: 'adapted' | 'dense'): Promise<number> =>
      (await service.open({ plan: tinyPlan(name), ids })).reused;
    expect(await open('adapted')).toBe(80);
    expect(await open('dense')).toBe(0);
  });

  it.each([{ numericsVersion: 99 }, { variant: 'another kernel' }])(
    'does not continue a stored state with other arithmetic: %o',
    async (changed) => {
      const ids = tinyIds(80);
      const first = start({ stored: true });
      await first.snapshot(await read(first, ids), 'library');
      await stop(first);
      const open = async (own: Runtime): Promise<number> => {
        const service = start({ runtime: own, stored: true });
        const { reused } = await service.open({ plan: tinyPlan(), ids });
        await stop(service);
        return reused;
      };
      expect(await open(wrapped(runtime, changed))).toBe(0);
      expect(await open(runtime)).toBe(80);
    },
  );

  it('forks a library that is being read at the point that it has reached', async () => {
    const service = start({ maxRows: 16 });
    const ids = tinyIds(600);
    const { state } = await service.open({ plan: tinyPlan(), ids });
    const passed = Promise.withResolvers<undefined>();
    const reading = service.prefill(state, ids, 'reading', {
      onProgress: (done) => done >= 200 && passed.resolve(undefined),
    });
    await passed.promise;
    const opened = await service.open({ plan: tinyPlan(), ids });
    expect(opened.from).toBe('live');
    expect(opened.reused).toBeGreaterThanOrEqual(200);
    expect(opened.reused).toBeLessThan(600);
    await service.prefill(opened.state, ids.subarray(opened.reused), 'chat');
    const answered = await answer(service, opened.state);
    await reading;
    expect(await answer(service, state)).toEqual(answered);
  });

  it('serves a chat between two pages of a saving, and saves what was there when it began', async () => {
    const ids = tinyIds(300);
    const service = start({ stored: true });
    const state = await read(service, ids, false);
    const undisturbed = await service.snapshot(state, 'undisturbed');
    const saving = service.snapshot(state, 'library');
    const { state: fork } = await service.open({ plan: tinyPlan(), ids, useStored: false });
    await service.prefill(fork, tinyIds(20, 5), 'chat');
    expect(service.stored('library')).toEqual([]);
    await expect(service.prefill(state, tinyIds(5), 'chat')).rejects.toMatchObject({ code: 'conflict' });
    expect((await saving).checksum).toBe(undisturbed.checksum);
  });

  it('ends a saving that is cancelled', async () => {
    const service = start({ stored: true });
    const state = await read(service, tinyIds(300), false);
    const cancel = new AbortController();
    const saving = service.snapshot(state, 'library', { signal: cancel.signal });
    setImmediate(() => cancel.abort());
    await expect(saving).rejects.toMatchObject({ code: 'interrupted' });
    expect(service.stored()).toEqual([]);
    expect(await service.snapshot(state, 'library')).toMatchObject({ position: 300 });
  });

  it('hands the engine to a chat at the next layer of reading', async () => {
    const layers = 30;
    const deepModel = tinyModel({ layers, heads: 1, kvHeads: 1, embedding: 32, feedForward: 32 });
    const inner = await tinyRuntime(deepModel.modelPath, backend);
    /** layers that were begun, in order */
    const trace: { reading: boolean }[] = [];
    let atLayer = (_reading: boolean, _layer: number): void => undefined;
    let library: unknown = null;
    const traced = wrapped(inner, {
      forward: (cache, ids, options) => {
        library ??= cache;
        let layer = 0;
        return inner.forward(cache, ids, {
          ...options,
          betweenLayers: async () => {
            trace.push({ reading: cache === library });
            atLayer(cache === library, layer++);
            // A layer of a long chunk takes long enough that finishing the chunk would delay the chat.
            if (cache === library) block(5);
            await options.betweenLayers?.();
          },
        });
      },
    });
    const service = start({ runtime: traced });
    const ids = tinyIds(500);
    const { state } = await service.open({ plan: tinyPlan(), ids });
    const answered = Promise.withResolvers<number>();
    const chat = async (): Promise<void> => {
      const first = trace.length;
      const question = tinyIds(20, 7);
      const opened = await service.open({ plan: tinyPlan(), ids: question });
      await service.prefill(opened.state, question, 'chat');
      await answer(service, opened.state, 1);
      answered.resolve(trace.slice(first).filter(({ reading }) => reading).length);
    };
    let asked = false;
    atLayer = (reading, layer) => {
      if (!reading || layer !== 10 || asked) return;
      asked = true;
      void chat();
    };
    const { read: total } = await service.prefill(state, ids, 'reading');
    // Open, prefill and generate are three requests: before each, reading finishes at most the layer it is in.
    expect(await answered.promise).toBeLessThanOrEqual(3);
    expect(total).toBe(500);
    await inner.release();
    deepModel.remove();
  });
});

/** Holds the thread, as a kernel does. */
function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
