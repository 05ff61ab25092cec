import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TapeCache, tapeState } from '../testing/tape-cache.ts';
import { tinyIds, tinyPlan } from '../testing/tiny-engine.ts';
import { openStateDatabase } from './database.ts';
import { StateStore, type StateIdentity } from './store.ts';

const identity: StateIdentity = {
  key: 'identity',
  modelHash: 'model',
  plan: tinyPlan(),
  variant: 'tape',
  numericsVersion: 1,
};

/** Ids of version `branch` of a library: versions differ from token 100 on. */
function idsOf(branch: number, length: number): Int32Array {
  const ids = tinyIds(300);
  if (branch > 0) ids.set(tinyIds(200, 100 + branch), 100);
  return ids.subarray(0, length);
}

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('save' as const),
      label: fc.constantFrom('a', 'b'),
      branch: fc.nat(2),
      length: fc.integer({ min: 1, max: 300 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), label: fc.constantFrom('a', 'b') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

describe('StateStore under any sequence of operations', () => {
  it('keeps the newest state of each label, restores what it lists bit for bit, and leaves no orphan page', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
        const folder = mkdtempSync(join(tmpdir(), 'longleaf-store-'));
        const open = (): StateStore =>
          new StateStore(folder, { maxBytes: 1e9, pageBytes: 1024, onNote: (note) => expect.fail(note) });
        let store = open();
        const newest = new Map<string, { branch: number; length: number }>();
        for (const step of operations) {
          if (step.kind === 'reopen') {
            store.close();
            store = open();
          } else if (step.kind === 'remove') {
            await store.remove(step.label);
            newest.delete(step.label);
          } else {
            const { label, branch, length } = step;
            const state = tapeState(idsOf(branch, length));
            await store.save({ identity, label, state, betweenPages: async () => undefined });
            newest.set(label, { branch, length });
          }
        }
        for (const [label, { branch, length }] of newest) {
          const positions = store.list(label).map((state) => state.position);
          expect(positions).toContain(length);
          const restored = await store.restore(identity, idsOf(branch, length), 0, {
            createCache: () => new TapeCache(),
            signal: undefined,
          });
          expect((restored?.cache as TapeCache).tape()).toEqual(new TapeCache(idsOf(branch, length)).tape());
        }
        expect(new Set(store.list().map(({ label }) => label))).toEqual(new Set(newest.keys()));
        store.close();
        const database = openStateDatabase(join(folder, 'state.db'), () => undefined);
        const orphans = database
          .prepare('SELECT count(*) FROM pages WHERE id NOT IN (SELECT page_id FROM state_pages)')
          .pluck()
          .get();
        expect(orphans).toBe(0);
        expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
        database.close();
        rmSync(folder, { recursive: true, force: true });
      }),
      { numRuns: 20 },
    );
  });
});
