/** Pages on a data folder: through its owner, past a change of owner, and to a good end. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createClient, type AppEvent, type Handlers } from '../../shared/rpc/index.ts';
import { hostPages, openSession } from './index.ts';
import { memoryPorts } from './ports/memory.ts';
import { fakeApp } from './testing/fake-app.ts';

let dataFolder: string;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-hosting-'));
});
afterEach(() => rm(dataFolder, { recursive: true, force: true }));

function session(handlers: Partial<Handlers> = {}) {
  const app = fakeApp();
  return openSession({
    dataFolder,
    version: 'test',
    createApp: () => Promise.resolve({ ...app, handlers: { ...app.handlers, ...handlers } }),
  });
}

/** Tells its name, then waits until nobody listens. */
const eventsOf = (name: string): Partial<Handlers> => ({
  'app.events': async function* (_, { signal }) {
    yield { kind: 'note', text: name };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
});

function page(hosting: ReturnType<typeof hostPages>) {
  const [near, far] = memoryPorts();
  hosting.attach(far);
  return createClient(near);
}

it('a page that closes counts no more', async () => {
  const hosting = hostPages(session());
  const client = page(hosting);
  expect(await client.call('library.list', {})).toEqual([]);
  expect(hosting.pages).toBe(1);
  client.close();
  await sleep(5);
  expect(hosting.pages).toBe(0);
  await hosting.end();
});

it('the end waits until an answer has saved what it has', async () => {
  let saved = false;
  const hosting = hostPages(
    session({
      'chat.ask': async function* (_, { signal }) {
        yield { kind: 'queue', place: 0 };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await sleep(300);
        saved = true;
      },
    }),
  );
  const events = page(hosting).stream('chat.ask', { question: 'x' })[Symbol.asyncIterator]();
  await events.next();
  events.next().catch(() => {}); // the page loses its connection
  await hosting.end();
  expect(saved).toBe(true);
});

it('events go on when the owner leaves, and the owner need not wait for whoever listens', async () => {
  const owner = session(eventsOf('first'));
  await owner.call('app.info', {});
  const hosting = hostPages(session(eventsOf('second')));
  const client = page(hosting);
  const stop = new AbortController();
  const seen: AppEvent[] = [];
  const listening = (async () => {
    for await (const event of client.stream('app.events', {}, stop.signal)) seen.push(event);
  })();
  for (let waited = 0; seen.length < 1 && waited < 5_000; waited += 10) await sleep(10);
  const begin = performance.now();
  await owner.end();
  expect(performance.now() - begin).toBeLessThan(2_000);
  for (let waited = 0; seen.length < 2 && waited < 5_000; waited += 10) await sleep(10);
  expect(seen).toEqual([
    { kind: 'note', text: 'first' },
    { kind: 'note', text: 'second' },
  ]);
  stop.abort();
  await listening.catch(() => {});
  await hosting.end();
});
