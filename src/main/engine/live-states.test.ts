import { describe, expect, it } from 'vitest';
import { LiveStates, type LiveState } from './live-states.ts';
import { TapeCache } from './testing/tape-cache.ts';
import { tinyIds } from './testing/tiny-engine.ts';
import { prefixDigests, TokenHistory } from './token-history.ts';

/** 16 bytes for each token */
function stateOf(ids: Int32Array, identity = 'a'): LiveState & { cache: TapeCache } {
  return { identity, cache: new TapeCache(ids), history: new TokenHistory(ids), logits: null };
}

describe('LiveStates', () => {
  const ids = tinyIds(100);

  it('finds the longest prefix of the same identity', () => {
    const states = new LiveStates(1e6);
    for (const [length, identity] of [
      [20, 'a'],
      [60, 'a'],
      [80, 'b'],
    ] as const)
      states.hold(stateOf(ids.subarray(0, length), identity));
    states.hold(stateOf(tinyIds(90, 2)));
    expect(states.longestPrefix('a', ids)?.history.length).toBe(60);
    expect(states.longestPrefix('a', ids.subarray(0, 60))?.history.length).toBe(60);
    expect(states.longestPrefix('a', ids.subarray(0, 59))?.history.length).toBe(20);
    expect(states.longestPrefix('b', ids)?.history.length).toBe(80);
    expect(states.longestPrefix('c', ids)).toBeNull();
  });

  it('branches from a held state by a copy that is independent', () => {
    const states = new LiveStates(1e6);
    const handle = states.hold(stateOf(ids));
    const branch = states.branch(states.get(handle));
    expect(branch).not.toBe(handle);
    const copy = states.get(branch);
    copy.history.append(Int32Array.of(1));
    expect(states.get(handle).history.length).toBe(100);
    expect((copy.cache as TapeCache).tape()).toEqual(new TapeCache(ids).tape());
  });

  it('keeps a released state as cache, copies it while memory allows, and takes it over when not', () => {
    const roomy = new LiveStates(2 * 1600);
    roomy.release(roomy.hold(stateOf(ids)));
    roomy.branch(roomy.longestPrefix('a', ids)!);
    expect(roomy.count).toBe(2);
    const tight = new LiveStates(2 * 1600 - 1);
    const state = stateOf(ids);
    tight.release(tight.hold(state));
    expect(tight.get(tight.branch(state))).toBe(state);
    expect(tight.count).toBe(1);
  });

  it('drops the least recently used cached states first, and never a held one', () => {
    const states = new LiveStates(3 * 1600);
    const old = stateOf(tinyIds(100, 2));
    const used = stateOf(tinyIds(100, 3));
    const held = stateOf(tinyIds(100, 4));
    states.release(states.hold(old));
    states.release(states.hold(used));
    states.hold(held);
    states.branch(used); // a fourth one would not fit: it is taken over, and counts as used
    states.hold(stateOf(tinyIds(100, 5)));
    expect(old.cache.isReleased).toBe(true);
    expect([used, held].some(({ cache }) => cache.isReleased)).toBe(false);
    expect(states.bytes).toBe(3 * 1600);
  });

  it('refuses with busy when held states leave no room, and serves again after a release', () => {
    const states = new LiveStates(2 * 1600);
    const first = states.hold(stateOf(ids));
    states.hold(stateOf(tinyIds(100, 2)));
    const busy = expect.objectContaining({ code: 'busy' });
    expect(() => states.hold(stateOf(tinyIds(100, 3)))).toThrow(busy);
    expect(() => states.branch(states.get(first))).toThrow(busy);
    states.release(first);
    expect(states.hold(stateOf(tinyIds(100, 3)))).toBeGreaterThan(first);
    expect(new LiveStates(1).hold(stateOf(ids))).toBe(1); // one alone may exceed the limit
  });

  it('lets one request change a state at a time, and releases it when that one has ended', async () => {
    const states = new LiveStates(1);
    const handle = states.hold(stateOf(ids));
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const changing = states.exclusive(handle, () => promise);
    await expect(states.exclusive(handle, async () => undefined)).rejects.toMatchObject({ code: 'conflict' });
    const { cache } = states.get(handle) as LiveState & { cache: TapeCache };
    states.release(handle);
    expect(() => states.get(handle)).toThrow(expect.objectContaining({ code: 'not-found' }));
    expect(cache.isReleased).toBe(false);
    resolve(undefined);
    await changing;
    expect(cache.isReleased).toBe(true);
  });

  it('keeps no second copy of what is cached already, and nothing of an empty state', () => {
    const states = new LiveStates(1e6);
    states.release(states.hold(stateOf(ids)));
    states.release(states.hold(stateOf(ids)));
    states.release(states.hold(stateOf(new Int32Array(0))));
    expect(states.count).toBe(1);
    states.clear();
    expect(states.count).toBe(0);
  });
});

describe('TokenHistory', () => {
  it('hashes ids as they come as it hashes them at once', () => {
    const ids = tinyIds(5000);
    const history = new TokenHistory();
    for (let start = 0; start < ids.length; start += 37) history.append(ids.subarray(start, start + 37));
    expect(history.ids()).toEqual(ids);
    expect(history.digest()).toBe(new TokenHistory(ids).digest());
    expect(prefixDigests(ids, [0, 10, 10, 5000])).toEqual(
      [0, 10, 10, 5000].map((length) => new TokenHistory(ids.subarray(0, length)).digest()),
    );
    // sha256 of 01 00 00 00, by another program: printf '\\1\\0\\0\\0' | sha256sum
    expect(new TokenHistory(Int32Array.of(1)).digest()).toBe(
      '67abdd721024f0ff4e0b3f4c2fc13bc5bad42d0b7851d456d88d203d15aaa450',
    );
  });

  it('copies without sharing', () => {
    const history = new TokenHistory(tinyIds(10));
    const copy = history.copy();
    copy.append(tinyIds(1));
    expect(history.length).toBe(10);
    expect(history.digest()).toBe(new TokenHistory(tinyIds(10)).digest());
  });
});
