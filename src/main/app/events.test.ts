import { describe, expect, it } from 'vitest';
import type { ConversationId } from '../../shared/model/index.ts';
import type { AppEvent, JobStatus } from '../../shared/rpc/index.ts';
import { AppEvents } from './events.ts';

const job = (name: string, state: JobStatus['state'], rate = 0): AppEvent => ({
  kind: 'job',
  job: {
    name,
    kind: 'add',
    state,
    reason: null,
    progress: null,
    rate,
    secondsLeft: null,
    report: null,
    error: null,
  },
});
const settings = { kind: 'answering', conversations: [] } as const satisfies AppEvent;

describe('AppEvents', () => {
  it('tells first how things stand, then what changes, to each listener', async () => {
    const events = new AppEvents();
    const stop = new AbortController();
    const one = events.listen(() => Promise.resolve([settings]), stop.signal);
    const other = events.listen(() => Promise.resolve([]), stop.signal);
    expect((await one.next()).value).toEqual(settings);
    const waiting = [one.next(), other.next()];
    await Promise.resolve();
    events.emit({ kind: 'conversations' });
    for (const next of waiting) expect((await next).value).toEqual({ kind: 'conversations' });
    const last = one.next();
    stop.abort();
    expect(await last).toMatchObject({ done: true });
    expect(await other.next()).toMatchObject({ done: true });
  });

  it('misses nothing that happens while the beginning is being told', async () => {
    const events = new AppEvents();
    const stop = new AbortController();
    const listener = events.listen(() => {
      events.emit({ kind: 'models' });
      return Promise.resolve([settings]);
    }, stop.signal);
    expect((await listener.next()).value).toEqual(settings);
    expect((await listener.next()).value).toEqual({ kind: 'models' });
    stop.abort();
  });

  it('keeps for a slow reader only what still counts, but every note and every end of a job', async () => {
    const events = new AppEvents();
    const stop = new AbortController();
    const listener = events.listen(() => Promise.resolve([settings]), stop.signal);
    await listener.next();
    for (let count = 0; count < 10_000; count++) {
      events.emit(job('moby', 'running', count));
      events.emit(job('other', 'running', count));
      events.emit({ kind: 'conversations' });
      events.emit({ kind: 'answering', conversations: [String(count) as ConversationId] });
      events.emit({ kind: 'libraries', name: 'moby' });
    }
    events.emit(job('moby', 'done'));
    events.emit(job('moby', 'running', 7));
    events.emit(job('moby', 'running', 8));
    events.emit({ kind: 'note', text: 'a' });
    events.emit({ kind: 'note', text: 'b' });
    const told: AppEvent[] = [];
    const wanted = [
      job('moby', 'done'),
      job('other', 'running', 9_999),
      { kind: 'conversations' },
      { kind: 'answering', conversations: ['9999'] },
      { kind: 'libraries', name: 'moby' },
      job('moby', 'running', 8),
      { kind: 'note', text: 'a' },
      { kind: 'note', text: 'b' },
    ];
    for (const _ of wanted) told.push((await listener.next()).value as AppEvent);
    expect(told).toEqual(wanted);
    for (let count = 0; count < 2_000; count++) events.emit({ kind: 'note', text: String(count) });
    expect((await listener.next()).value).toEqual({ kind: 'note', text: '1500' });
    stop.abort();
  });

  it('keeps notes of a time when nobody listened for the first who does', async () => {
    const events = new AppEvents();
    events.emit({ kind: 'note', text: 'put back' });
    events.emit({ kind: 'conversations' });
    const stop = new AbortController();
    const [first, second] = [1, 2].map(() => events.listen(() => Promise.resolve([settings]), stop.signal));
    for (const listener of [first, second]) expect((await listener?.next())?.value).toEqual(settings);
    expect((await first?.next())?.value).toEqual({ kind: 'note', text: 'put back' });
    events.emit({ kind: 'models' });
    expect((await second?.next())?.value).toEqual({ kind: 'models' });
    stop.abort();
  });

  it('a listener that leaves is forgotten', async () => {
    const events = new AppEvents();
    const listener = events.listen(() => Promise.resolve([settings]), new AbortController().signal);
    await listener.next();
    await listener.return();
    events.emit({ kind: 'models' });
    expect(await listener.next()).toMatchObject({ done: true });
  });
});
