import { describe, expect, it } from 'vitest';
import type { Receipt, ReceiptSource } from '../../shared/model/index.ts';
import { leftOutOf, rowsOf, summaryOf } from './receipt-summary.ts';

const source = (fields: Partial<ReceiptSource>): ReceiptSource => ({
  kind: 'document',
  name: 'a.txt',
  offered: 0,
  reused: 0,
  read: 0,
  pending: 0,
  dropped: 0,
  ...fields,
});

const sources = [
  source({ offered: 100, reused: 60, read: 30, pending: 10, reason: 'not read yet' }),
  source({ name: 'b.bin', offered: 7, dropped: 7, reason: 'binary' }),
  source({
    kind: 'library',
    name: 'moby',
    offered: 40,
    read: 40,
    indexed: { tokens: 900, files: 3, passages: 2 },
  }),
  source({ kind: 'turn', name: 'turn 1', offered: 20, dropped: 20, reason: 'evicted' }),
  source({ kind: 'turn', name: 'turn 2', offered: 25, reused: 25 }),
  source({ kind: 'turn', name: 'question', offered: 5, read: 5 }),
];
const total = (key: 'offered' | 'reused' | 'read' | 'pending' | 'dropped') =>
  sources.reduce((sum, one) => sum + one[key], 0);
const receipt: Receipt = {
  offered: total('offered'),
  reused: total('reused'),
  read: total('read'),
  pending: total('pending'),
  dropped: total('dropped'),
  passages: 40,
  overhead: 12,
  exact: 100,
  sparse: 0,
  sources,
};

describe('a receipt in few words', () => {
  it('tells what could not be read from what slid out', () => {
    expect(summaryOf(receipt)).toEqual({ read: 160, offered: 197, unreadable: 7, evicted: 20, pending: 10 });
  });

  it('has rows that add up to what was offered', () => {
    const rows = rowsOf(receipt);
    expect(rows.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(receipt.offered);
    expect(rows.map(({ row }) => row)).not.toContain('conversationRead');
  });

  it('names what was left out', () => {
    expect(leftOutOf(receipt).map(({ name }) => name)).toEqual(['a.txt', 'b.bin', 'turn 1']);
  });
});
