import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import { TokenAppender, type AppendOptions } from './append-tokens.ts';
import type { LiveState } from './live-states.ts';
import type { Turn } from './queue.ts';
import type { Runtime } from './runtime.ts';
import { TapeCache } from './testing/tape-cache.ts';
import { tinyIds } from './testing/tiny-engine.ts';
import { TokenHistory } from './token-history.ts';

const LAYERS = 4;
const VOCABULARY = 288;

/** A runtime that only counts: `chunks` are the rows of its forward calls; each layer takes `layerMs(rows)`. */
function countingRuntime(chunks: number[], layerMs: (rows: number) => number = () => 0): Runtime {
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  return {
    backend: 'reference',
    hyperparameters: { layers: LAYERS, vocabulary: VOCABULARY } as Runtime['hyperparameters'],
    variant: 'counting',
    numericsVersion: 1,
    maxRows: 512,
    compile: unused,
    createCache: unused,
    release: unused,
    forward: async (cache, ids, options) => {
      chunks.push(ids.length);
      for (let layer = 0; layer < LAYERS; layer++) {
        await options.betweenLayers?.();
        if (options.signal?.aborted === true) throw new AppError('interrupted', 'aborted');
        await new Promise((resolve) => setTimeout(resolve, layerMs(ids.length)));
      }
      (cache as TapeCache).position += ids.length;
      const rows = { none: 0, last: 1, all: ids.length }[options.logits];
      return new Float32Array(rows * VOCABULARY).fill(cache.position);
    },
  };
}

function emptyState(): LiveState {
  return { identity: '', cache: new TapeCache(), history: new TokenHistory(), logits: null };
}

const alone: Turn = { chatWaiting: false, chatNear: false, yieldToChat: async () => undefined };
const reading: AppendOptions = { priority: 'reading', turn: alone, logits: 'last' };

describe('TokenAppender', () => {
  it('reads the largest chunks once it knows the speed, and small ones while a chat is near', async () => {
    const chunks: number[] = [];
    const appender = new TokenAppender(countingRuntime(chunks), 512);
    const state = emptyState();
    await appender.append(state, tinyIds(1500), reading);
    expect(chunks).toEqual([128, 512, 512, 348]);
    chunks.length = 0;
    await appender.append(state, tinyIds(300), { ...reading, turn: { ...alone, chatNear: true } });
    expect(chunks).toEqual([128, 128, 44]);
    chunks.length = 0;
    await appender.append(state, tinyIds(600), { ...reading, priority: 'chat' });
    expect(chunks).toEqual([512, 88]);
    expect(state.history.length).toBe(2400);
    expect(state.logits).toEqual(new Float32Array(VOCABULARY).fill(2400));
  });

  it('takes fewer rows on a machine on which a layer of a large chunk would take too long', async () => {
    const chunks: number[] = [];
    const appender = new TokenAppender(
      countingRuntime(chunks, (rows) => rows / 4),
      512,
    );
    await appender.append(emptyState(), tinyIds(700), reading);
    // 0.25 ms a row and layer: at most 300 rows, less what timers add.
    expect(chunks[0]).toBe(128);
    for (const rows of chunks.slice(1)) expect(rows).toBeLessThanOrEqual(300);
  });

  // Small chunks cost more per row, so a limit that follows the measured cost alone shrank them further and further:
  // 28 rows at half the speed were seen on a busy machine.
  it('never takes fewer rows than near a chat, however slow the machine is', async () => {
    const chunks: number[] = [];
    const appender = new TokenAppender(
      countingRuntime(chunks, (rows) => rows),
      512,
    );
    await appender.append(emptyState(), tinyIds(300), reading);
    expect(chunks).toEqual([128, 128, 44]);
  });

  it('bounds the memory of logits when it wants all of them', async () => {
    const chunks: number[] = [];
    const runtime = countingRuntime(chunks);
    const large = { ...runtime, hyperparameters: { ...runtime.hyperparameters, vocabulary: 131_072 } };
    const rows: number[] = [];
    await new TokenAppender(large, 512).append(emptyState(), tinyIds(200), {
      ...reading,
      priority: 'chat',
      logits: 'all',
      onLogits: (first) => void rows.push(first),
    });
    expect(Math.max(...chunks)).toBe(64); // 32 MB / 4 bytes / 131,072
    expect(rows).toEqual([0, 64, 128, 192]);
  });

  it('repeats a chunk when a chat came in the middle of it, after the chat', async () => {
    const chunks: number[] = [];
    let isWaiting = false;
    let yields = 0;
    const turn: Turn = {
      get chatWaiting() {
        return isWaiting;
      },
      chatNear: false,
      yieldToChat: async () => {
        if (isWaiting) yields++;
        isWaiting = false;
      },
    };
    let layers = 0;
    const slow = countingRuntime(chunks, () => {
      isWaiting = ++layers === 1;
      return 80;
    });
    const appender = new TokenAppender(slow, 512);
    const state = emptyState();
    await appender.append(state, tinyIds(100), { ...reading, turn });
    expect(yields).toBe(1);
    expect(chunks).toEqual([100, 100]);
    expect(state.cache.position).toBe(100);
  });

  it('keeps complete chunks, and the logits of the position, when it is cancelled', async () => {
    const chunks: number[] = [];
    const state = emptyState();
    const appender = new TokenAppender(countingRuntime(chunks), 512);
    await appender.append(state, tinyIds(10), reading);
    const before = state.logits;
    const cancelled = { ...reading, signal: AbortSignal.abort() };
    await expect(appender.append(state, tinyIds(10), cancelled)).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(state.history.length).toBe(10);
    expect(state.logits).toBe(before);
  });
});
