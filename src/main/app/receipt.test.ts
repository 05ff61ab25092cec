import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import type { PromptSpan } from './prompt.ts';
import type { ReceiptRequest } from './receipt.ts';
import { assertAddsUp, buildReceipt } from './receipt.ts';

const SPANS: readonly PromptSpan[] = [
  { kind: 'overhead', key: '', start: 0, end: 10 },
  { kind: 'document', key: 'a', start: 10, end: 60 },
  { kind: 'document', key: 'b', start: 60, end: 100 },
  { kind: 'turn', key: 'turn 1', start: 100, end: 120 },
  { kind: 'passages', key: '', start: 120, end: 150 },
  { kind: 'question', key: '', start: 150, end: 160 },
];

function request(fields: Partial<ReceiptRequest> = {}): ReceiptRequest {
  return {
    spans: SPANS,
    promptTokens: 160,
    counters: { reused: 100, read: 60, reach: { exact: 160, sparse: 0 }, sinks: 4 },
    documents: [
      { key: 'a', path: 'a.txt', readAs: 'a.txt', tokens: 50, bytes: 200 },
      { key: 'b', path: 'new.txt', readAs: 'b.txt', tokens: 40, bytes: 160 },
    ],
    libraryName: 'books',
    indexed: null,
    leftOut: [],
    evictedTurns: [],
    ...fields,
  };
}

describe('buildReceipt', () => {
  it('counts what a state held and what was read now', () => {
    const receipt = buildReceipt(request());
    expect(receipt).toMatchObject({ offered: 120, reused: 90, read: 30, pending: 0, dropped: 0 });
    expect(receipt).toMatchObject({ passages: 30, overhead: 10, exact: 160, sparse: 0 });
  });

  it('shows the name that a renamed document was read under', () => {
    const renamed = buildReceipt(request()).sources.find((source) => source.name === 'new.txt');
    expect(renamed?.readAs).toBe('b.txt');
  });

  it('shows an unread tail as pending', () => {
    const spans = SPANS.filter((span) => span.key !== 'b').map((span) =>
      span.start < 100 ? span : { ...span, start: span.start - 40, end: span.end - 40 },
    );
    const counters = { reused: 60, read: 60, reach: { exact: 120, sparse: 0 }, sinks: 4 };
    const receipt = buildReceipt(request({ spans, promptTokens: 120, counters }));
    expect(receipt.pending).toBe(40);
    expect(receipt.sources.find((source) => source.name === 'new.txt')).toMatchObject({
      offered: 40,
      pending: 40,
      reason: 'not read yet',
    });
  });

  it('shows a skipped file with bytes and reason', () => {
    const receipt = buildReceipt(request({ leftOut: [{ path: '.env', bytes: 41, reason: 'secret' }] }));
    expect(receipt.dropped).toBe(11);
    expect(receipt.sources.find((source) => source.name === '.env')).toMatchObject({
      bytes: 41,
      dropped: 11,
    });
  });

  it('shows a turn that slid out of the window, by the engine’s reach', () => {
    // exact = 4 sinks + the last 50 keys: visible from 110 on
    const counters = { reused: 120, read: 40, reach: { exact: 54, sparse: 0 }, sinks: 4 };
    const receipt = buildReceipt(request({ counters }));
    expect(receipt.sources.find((source) => source.name === 'turn 1')).toMatchObject({
      offered: 20,
      reused: 10,
      dropped: 10,
    });
    expect(receipt.sources.find((source) => source.name === 'a.txt')).toMatchObject({ dropped: 50 });
  });

  it('drops nothing where bands reach everything', () => {
    const counters = { reused: 120, read: 40, reach: { exact: 54, sparse: 30 }, sinks: 4 };
    expect(buildReceipt(request({ counters })).dropped).toBe(0);
  });

  it('says what the index offered when nothing was read into a state', () => {
    const indexed = { name: 'books', tokens: 300_000, files: 1, passages: 3 };
    const receipt = buildReceipt(request({ documents: [], indexed, spans: SPANS.slice(3) }));
    expect(receipt.sources[0]).toMatchObject({
      kind: 'library',
      name: 'books',
      offered: 30,
      read: 30,
      indexed: { tokens: 300_000, files: 1, passages: 3 },
    });
  });

  it('refuses counters that do not fit the prompt', () => {
    const counters = { reused: 100, read: 59, reach: { exact: 160, sparse: 0 }, sinks: 4 };
    expect(() => buildReceipt(request({ counters }))).toThrow(AppError);
  });

  it('adds up whatever the counters are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 160 }), fc.integer({ min: 5, max: 160 }), (reused, exact) => {
        const counters = { reused, read: 160 - reused, reach: { exact, sparse: 0 }, sinks: 4 };
        const receipt = buildReceipt(request({ counters }));
        assertAddsUp(receipt);
        for (const { reused: kept, read, pending, dropped } of receipt.sources)
          expect(Math.min(kept, read, pending, dropped)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('adds up more files than it lists', () => {
    const leftOut = Array.from({ length: 250 }, (_, i) => ({
      path: `${String(i)}.bin`,
      bytes: 4,
      reason: 'binary',
    }));
    const receipt = buildReceipt(request({ leftOut }));
    expect(receipt.dropped).toBe(250);
    expect(receipt.sources.find((source) => source.name === 'and 150 more')?.dropped).toBe(150);
  });
});
