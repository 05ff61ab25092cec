import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { startEngine, type StartEngineOptions } from './client.ts';
import type { Engine } from './engine.ts';
import { greedy, tinyIds, tinyModel, tinyModelHash, tinyPlan } from './testing/tiny-engine.ts';

describe('the engine process', () => {
  let model: ReturnType<typeof tinyModel>;
  const engines: Engine[] = [];

  beforeAll(() => {
    model = tinyModel();
  });
  afterEach(async () => {
    await Promise.all(engines.splice(0).map((engine) => engine.close()));
  });
  afterAll(() => model.remove());

  async function start(options: Partial<StartEngineOptions> = {}): Promise<Engine> {
    const engine = await startEngine({
      modelPath: model.modelPath,
      modelHash: tinyModelHash,
      backend: 'reference',
      dataFolder: null,
      maxMemoryMB: 100,
      maxDiskGB: 1,
      ...options,
    });
    engines.push(engine);
    return engine;
  }

  async function openEmpty(engine: Engine): Promise<number> {
    return (await engine.open({ plan: tinyPlan(), ids: new Int32Array(0) })).state;
  }

  it('says what it runs and how long it took to be ready', async () => {
    const { info } = await start();
    expect(info).toMatchObject({ backend: 'reference', modelHash: tinyModelHash });
    expect(info.hyperparameters).toMatchObject({ layers: 2, trainedLength: 256 });
    expect(info.readyMs).toBeGreaterThan(0);
  });

  it('reads with progress, generates, and finds both again', async () => {
    const engine = await start({ maxRows: 50 });
    const ids = tinyIds(220);
    const opened = await engine.open({ plan: tinyPlan(), ids });
    expect(opened).toMatchObject({ reused: 0, from: 'empty' });
    const progress: number[] = [];
    const places: number[] = [];
    const read = await engine.prefill(opened.state, ids, {
      priority: 'chat',
      onProgress: ({ done, total }) => progress.push(done / total),
      onQueue: (place) => places.push(place),
    });
    expect(read).toMatchObject({ read: 220, position: 220 });
    expect(read.reach.exact).toBeGreaterThan(0);
    expect(progress).toEqual([50, 100, 150, 200, 220].map((done) => done / 220));
    expect(places).toEqual([0]);

    const tokens = await Array.fromAsync(
      engine.generate({ state: opened.state, sampling: greedy, stop: [], priority: 'chat' }),
    );
    expect(tokens).toHaveLength(greedy.maxTokens);
    for (const { logProbability } of tokens) expect(logProbability).toBeLessThanOrEqual(0);

    await engine.release(opened.state);
    const whole = Int32Array.from([...ids, ...tokens.map(({ id }) => id), 7]);
    expect(await engine.open({ plan: tinyPlan(), ids: whole })).toMatchObject({
      reused: whole.length - 1,
      from: 'live',
    });
  });

  it('ends an answer at a stop id, which is neither yielded nor read', async () => {
    const engine = await start();
    const ids = tinyIds(30);
    const answer = async (stop: number[]): Promise<number[]> => {
      const { state } = await engine.open({ plan: tinyPlan(), ids: new Int32Array(0) });
      await engine.prefill(state, ids, { priority: 'chat' });
      const request = { state, sampling: greedy, stop, priority: 'chat' } as const;
      const tokens = await Array.fromAsync(engine.generate(request));
      const after = await engine.prefill(state, new Int32Array(0), { priority: 'chat' });
      expect(after.position).toBe(ids.length + tokens.length);
      return tokens.map(({ id }) => id);
    };
    const whole = await answer([]);
    const stop = whole.at(-1)!;
    expect(await answer([stop])).toEqual(whole.slice(0, whole.indexOf(stop)));
  });

  it('stops when the consumer stops, and the state is free at once', async () => {
    const engine = await start();
    const state = await openEmpty(engine);
    await engine.prefill(state, tinyIds(5), { priority: 'chat' });
    const sampling = { ...greedy, maxTokens: 100_000 };
    let count = 0;
    for await (const token of engine.generate({ state, sampling, stop: [], priority: 'chat' })) {
      expect(token.id).toBeGreaterThanOrEqual(0);
      if (++count === 3) break;
    }
    const { position } = await engine.prefill(state, tinyIds(1), { priority: 'chat' });
    expect(position).toBeGreaterThanOrEqual(8);
  });

  it('gives logits and scores that agree with each other', async () => {
    const engine = await start({ maxRows: 16 });
    const ids = tinyIds(70);
    const { vocabulary } = engine.info.hyperparameters;
    const logits = await engine.logits(ids, tinyPlan(), 40);
    expect(logits.length).toBe(40 * vocabulary);
    const { logProbabilities, greedy: isGreedy } = await engine.score(await openEmpty(engine), ids, {
      priority: 'reading',
    });
    expect(logProbabilities[0]).toBeNaN();
    for (let index = 31; index < 70; index++) {
      const row = logits.subarray((index - 31) * vocabulary, (index - 30) * vocabulary);
      const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
      expect(logProbabilities[index]).toBeCloseTo(row[ids[index]] - Math.log(sum), 4);
      expect(isGreedy[index] === 1).toBe(row.every((logit) => logit <= row[ids[index]]));
    }
  });

  it('cancels reading and keeps what was read', async () => {
    const engine = await start({ maxRows: 8 });
    const ids = tinyIds(4000);
    const { state } = await engine.open({ plan: tinyPlan(), ids });
    const stop = new AbortController();
    const reading = engine.prefill(state, ids, {
      priority: 'reading',
      signal: stop.signal,
      onProgress: ({ done }) => done > 100 && stop.abort(),
    });
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await engine.release(state);
    const { reused } = await engine.open({ plan: tinyPlan(), ids });
    expect(reused).toBeGreaterThan(100);
    expect(reused).toBeLessThan(4000);
  });

  it.each([
    [
      'an id outside the vocabulary',
      (engine: Engine, state: number) => engine.prefill(state, Int32Array.of(9999), { priority: 'chat' }),
      'invalid-input',
    ],
    [
      'a released state',
      async (engine: Engine, state: number) => {
        await engine.release(state);
        await engine.fork(state);
      },
      'not-found',
    ],
    [
      'an answer from an empty state',
      (engine: Engine, state: number) =>
        Array.fromAsync(engine.generate({ state, sampling: greedy, stop: [], priority: 'chat' })),
      'usage',
    ],
    [
      'an impossible temperature',
      (engine: Engine, state: number) =>
        Array.fromAsync(
          engine.generate({
            state,
            sampling: { ...greedy, temperature: Number.NaN },
            stop: [],
            priority: 'chat',
          }),
        ),
      'usage',
    ],
    ['more logits than ids', (engine: Engine) => engine.logits(tinyIds(3), tinyPlan(), 4), 'usage'],
    [
      'a plan that contradicts itself',
      (engine: Engine) => engine.open({ plan: { ...tinyPlan(), mixing: 'multiset' }, ids: tinyIds(1) }),
      'invalid-input',
    ],
    [
      'saving without a data folder',
      (engine: Engine, state: number) => engine.snapshot(state, 'library'),
      'usage',
    ],
  ] as const)('refuses %s, and goes on', async (_, act, code) => {
    const engine = await start();
    const state = await openEmpty(engine);
    await expect(act(engine, state)).rejects.toMatchObject({ code });
    expect(await engine.prefill(await openEmpty(engine), tinyIds(3), { priority: 'chat' })).toMatchObject({
      read: 3,
    });
  });

  it('reports a model that it cannot load, and ends', async () => {
    await expect(start({ modelPath: `${model.modelPath}.missing` })).rejects.toBeInstanceOf(AppError);
    const gemma = tinyModel({ heads: 0 });
    await expect(start({ modelPath: gemma.modelPath })).rejects.toMatchObject({ code: 'invalid-input' });
    gemma.remove();
  });

  it('tells about a damaged state.db that it set aside', async () => {
    const dataFolder = join(model.folder, 'damaged');
    mkdirSync(dataFolder);
    writeFileSync(join(dataFolder, 'state.db'), 'no database '.repeat(10_000));
    const notes: string[] = [];
    const engine = await start({ dataFolder, onNote: (note) => notes.push(note) });
    expect(await engine.stored()).toEqual([]);
    expect(notes.join()).toMatch(/set aside/);
  });

  it('rejects everything with engine-lost when the process dies', async () => {
    const exits: AppError[] = [];
    const engine = await start({ onExit: (error) => exits.push(error) });
    const state = await openEmpty(engine);
    const reading = engine.prefill(state, tinyIds(100_000), {
      priority: 'reading',
      onProgress: () => process.kill(engine.info.pid, 'SIGKILL'),
    });
    await expect(reading).rejects.toMatchObject({ code: 'engine-lost', hint: expect.any(String) });
    await expect(engine.memory()).rejects.toMatchObject({ code: 'engine-lost' });
    expect(exits).toHaveLength(1);
    await engine.close();
  });

  it('refuses calls after close, and cancels what was running', async () => {
    const engine = await start();
    const state = await openEmpty(engine);
    const reading = engine.prefill(state, tinyIds(100_000), { priority: 'reading' });
    const refused = expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await engine.close();
    await refused;
    await expect(engine.memory()).rejects.toMatchObject({ code: 'engine-lost' });
  });
});
