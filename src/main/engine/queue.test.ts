import { describe, expect, it } from 'vitest';
import { WorkQueue, type Turn } from './queue.ts';

/** A work that holds the engine until it is told to end. */
function gate(): { open: () => void; passed: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { open: () => resolve(undefined), passed: promise };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('WorkQueue', () => {
  it('serves chat before reading, first come first served within', async () => {
    const queue = new WorkQueue(10);
    const order: string[] = [];
    const first = gate();
    const works = [
      queue.run('reading', () => first.passed),
      ...(['reading', 'chat', 'reading', 'chat'] as const).map((priority, index) =>
        queue.run(priority, () => void order.push(`${priority} ${index}`)),
      ),
    ];
    first.open();
    await Promise.all(works);
    expect(order).toEqual(['chat 1', 'chat 3', 'reading 0', 'reading 2']);
  });

  it('tells each waiting work its place, and 0 when it runs', async () => {
    const queue = new WorkQueue(10);
    const first = gate();
    const running = queue.run('chat', () => first.passed);
    const reading: number[] = [];
    const chat: number[] = [];
    const works = [
      queue.run('reading', () => undefined, { onPlace: (place) => reading.push(place) }),
      queue.run('chat', () => undefined, { onPlace: (place) => chat.push(place) }),
    ];
    await settled();
    first.open();
    await Promise.all([running, ...works]);
    expect(chat).toEqual([1, 0]);
    expect(reading).toEqual([1, 2, 1, 0]);
  });

  it('refuses with busy beyond its limit, and serves again afterwards', async () => {
    const queue = new WorkQueue(1);
    const first = gate();
    const running = queue.run('chat', () => first.passed);
    const waiting = queue.run('chat', () => 'second');
    await expect(queue.run('chat', () => 'third')).rejects.toMatchObject({ code: 'busy' });
    first.open();
    await running;
    expect(await waiting).toBe('second');
    expect(await queue.run('chat', () => 'fourth')).toBe('fourth');
  });

  it('lets reading hand over to every waiting chat and resume before later reading', async () => {
    const queue = new WorkQueue(10);
    const order: string[] = [];
    const asked = gate();
    const reading = queue.run('reading', async (turn) => {
      order.push('reading starts');
      await asked.passed;
      expect(turn.chatWaiting).toBe(true);
      await turn.yieldToChat();
      expect(turn.chatWaiting).toBe(false);
      expect(turn.chatNear).toBe(true);
      order.push('reading resumes');
    });
    const others = [
      queue.run('reading', () => void order.push('later reading')),
      queue.run('chat', () => void order.push('chat 1')),
      queue.run('chat', () => void order.push('chat 2')),
    ];
    asked.open();
    await Promise.all([reading, ...others]);
    expect(order).toEqual(['reading starts', 'chat 1', 'chat 2', 'reading resumes', 'later reading']);
  });

  it('cancels waiting work without disturbing the rest, also while it has yielded', async () => {
    const queue = new WorkQueue(10);
    const stop = new AbortController();
    const chat = gate();
    const { promise: yielded, resolve: nowYielded } = Promise.withResolvers<undefined>();
    const start = gate();
    const reading = queue.run(
      'reading',
      async (turn: Turn) => {
        await start.passed;
        nowYielded(undefined);
        await turn.yieldToChat();
      },
      { signal: stop.signal },
    );
    const chatting = queue.run('chat', () => chat.passed);
    const dropped = queue.run('chat', () => 'never', { signal: stop.signal });
    start.open();
    await yielded;
    await settled();
    stop.abort();
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await expect(dropped).rejects.toMatchObject({ code: 'interrupted' });
    chat.open();
    await chatting;
    expect(await queue.run('reading', () => 'still serving')).toBe('still serving');
  });

  it('goes on after a work that fails', async () => {
    const queue = new WorkQueue(10);
    const failing = queue.run('chat', () => Promise.reject(new Error('bad')));
    const next = queue.run('chat', () => 'next');
    await expect(failing).rejects.toThrow('bad');
    expect(await next).toBe('next');
  });
});
