import { describe, expect, it } from 'vitest';
import { eventStream, throttled } from './event-stream.ts';

const never = new AbortController().signal;

describe('eventStream', () => {
  it('yields everything in order, also what was emitted at the very end', async () => {
    const stream = eventStream<number>(async (emit) => {
      emit(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      emit(2);
      emit(3);
    }, never);
    expect(await Array.fromAsync(stream)).toEqual([1, 2, 3]);
  });

  it('fails as the work fails, after what was emitted before', async () => {
    const seen: number[] = [];
    const stream = eventStream<number>(async (emit) => {
      emit(1);
      await Promise.resolve();
      throw new Error('no disk');
    }, never);
    await expect(
      (async () => {
        for await (const event of stream) seen.push(event);
      })(),
    ).rejects.toThrow('no disk');
    expect(seen).toEqual([1]);
  });

  it('cancels the work when nobody listens any more, and waits for its end', async () => {
    let stopped = false;
    const stream = eventStream<number>(async (emit, signal) => {
      emit(1);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped = true;
    }, never);
    for await (const event of stream) if (event === 1) break;
    expect(stopped).toBe(true);
  });
});

describe('throttled', () => {
  it('lets the first event through at once and the last one at flush', () => {
    const seen: number[] = [];
    const emit = throttled<number>((event) => seen.push(event), 60_000);
    [1, 2, 3].forEach(emit);
    emit.flush();
    emit.flush();
    expect(seen).toEqual([1, 3]);
  });
});
