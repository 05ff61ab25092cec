import { expect, it } from 'vitest';
import { Supervisor, type Supervised } from './supervisor.ts';

interface TestChild extends Supervised {
  end(reason: string): Promise<void>;
}

function supervised() {
  const told: string[] = [];
  const delays: number[] = [];
  let now = 0;
  const supervisor = new Supervisor<TestChild>({
    start: () => {
      const ended = Promise.withResolvers<string>();
      return {
        ended: ended.promise,
        end: async (reason) => {
          ended.resolve(reason);
          await new Promise((resolve) => setImmediate(resolve));
        },
      };
    },
    onStart: () => told.push('start'),
    onLost: (reason) => told.push(`lost ${reason}`),
    onGivenUp: (reason) => told.push(`given up ${reason}`),
    now: () => now,
    delay: (ms, then) => {
      delays.push(ms);
      then();
    },
  });
  return { supervisor, told, delays, pass: (ms: number) => (now += ms) };
}

it('starts again, a little later each time, and gives up after three ends within a minute', async () => {
  const { supervisor, told, delays, pass } = supervised();
  supervisor.start();
  for (const reason of ['a', 'b', 'c']) {
    pass(1_000);
    await supervisor.child?.end(reason);
  }
  expect(told).toEqual(['start', 'lost a', 'start', 'lost b', 'start', 'given up c']);
  expect(delays[1]).toBeGreaterThan(delays[0] ?? Infinity);
  expect(supervisor.child).toBeNull();
});

it('an end now and then is no reason to give up', async () => {
  const { supervisor, told, pass } = supervised();
  supervisor.start();
  for (let index = 0; index < 20; index++) {
    pass(31_000);
    await supervisor.child?.end('x');
  }
  expect(told.filter((what) => what === 'start')).toHaveLength(21);
});

it('after giving up the user may start it again, with all its tries', async () => {
  const { supervisor, told } = supervised();
  supervisor.start();
  for (let index = 0; index < 3; index++) await supervisor.child?.end('x');
  supervisor.start();
  await supervisor.child?.end('y');
  expect(told.slice(-3)).toEqual(['start', 'lost y', 'start']);
});

it('an end that was wanted is an end', async () => {
  const { supervisor, told } = supervised();
  supervisor.start();
  supervisor.stop();
  await supervisor.child?.end('quit');
  expect(told).toEqual(['start']);
});
