/** A receipt in few words: what was read of what was handed over, and what became of the rest. */
import type { Receipt, ReceiptSource } from '../../shared/model/index.ts';

export interface ReceiptSummary {
  /** restored from a state or computed now, in tokens */
  readonly read: number;
  readonly offered: number;
  /** tokens that could not be read: failed and skipped files */
  readonly unreadable: number;
  /** tokens of turns that slid out, because the context was full */
  readonly evicted: number;
  readonly pending: number;
}

export function summaryOf(receipt: Receipt): ReceiptSummary {
  const evicted = sum(receipt.sources, ({ kind, dropped }) => (kind === 'turn' ? dropped : 0));
  return {
    read: receipt.reused + receipt.read,
    offered: receipt.offered,
    unreadable: receipt.dropped - evicted,
    evicted,
    pending: receipt.pending,
  };
}

export type ReceiptRow =
  | 'stateReused'
  | 'libraryRead'
  | 'passagesRead'
  | 'conversationReused'
  | 'conversationRead'
  | 'question'
  | 'pending'
  | 'dropped';

/** The rows of the table, in tokens; together they are `offered`. Rows of 0 tokens are left out, but 'dropped'. */
export function rowsOf(receipt: Receipt): { readonly row: ReceiptRow; readonly tokens: number }[] {
  const of = (fits: (source: ReceiptSource) => boolean, tokens: (source: ReceiptSource) => number) =>
    sum(receipt.sources, (source) => (fits(source) ? tokens(source) : 0));
  const isText = ({ kind, indexed }: ReceiptSource) => kind !== 'turn' && indexed === undefined;
  const isIndexed = ({ indexed }: ReceiptSource) => indexed !== undefined;
  const isQuestion = ({ kind, name }: ReceiptSource) => kind === 'turn' && name === 'question';
  const isTurn = (source: ReceiptSource) => source.kind === 'turn' && !isQuestion(source);
  const rows: { readonly row: ReceiptRow; readonly tokens: number }[] = [
    { row: 'stateReused', tokens: of(isText, ({ reused }) => reused) },
    { row: 'libraryRead', tokens: of(isText, ({ read }) => read) },
    { row: 'passagesRead', tokens: of(isIndexed, ({ read, reused }) => read + reused) },
    { row: 'conversationReused', tokens: of(isTurn, ({ reused }) => reused) },
    { row: 'conversationRead', tokens: of(isTurn, ({ read }) => read) },
    { row: 'question', tokens: of(isQuestion, ({ read, reused }) => read + reused) },
    { row: 'pending', tokens: receipt.pending },
    { row: 'dropped', tokens: receipt.dropped },
  ];
  return rows.filter(({ row, tokens }) => tokens > 0 || row === 'dropped');
}

/** Sources of which something was left out or waits, with the reason. */
export function leftOutOf(receipt: Receipt): readonly ReceiptSource[] {
  return receipt.sources.filter(({ dropped, pending }) => dropped > 0 || pending > 0);
}

function sum(sources: readonly ReceiptSource[], tokens: (source: ReceiptSource) => number): number {
  return sources.reduce((total, source) => total + tokens(source), 0);
}
