/**
 * The context receipt (design section 1), from the engine's counters: how many leading tokens a state already held,
 * how many were computed now, and what the last position can attend to. Never from the plan of what should happen.
 */
import { AppError } from '../../shared/errors.ts';
import type { Receipt, ReceiptSource, TokenCounts } from '../../shared/model/index.ts';
import type { PromptSpan } from './prompt.ts';

/** What the engine counted for this turn. */
export interface EngineCounters {
  /** leading tokens that a live or stored state held */
  readonly reused: number;
  /** tokens computed now */
  readonly read: number;
  /** keys that the last position attends to */
  readonly reach: { readonly exact: number; readonly sparse: number };
  /** first tokens that every position attends to */
  readonly sinks: number;
}

/** A document that was handed over, whether it is in the prompt or not. */
export interface OfferedDocument {
  /** content hash: the key of its span */
  readonly key: string;
  readonly path: string;
  readonly readAs: string;
  readonly tokens: number;
  readonly bytes: number;
}

/** A file that filters or failures left out. */
export interface LeftOutFile {
  readonly path: string;
  readonly bytes: number;
  readonly reason: string;
}

/** A library that is indexed only: its passages are what was offered. */
export interface IndexedLibrary {
  readonly name: string;
  readonly tokens: number;
  readonly files: number;
  readonly passages: number;
}

export interface ReceiptRequest {
  readonly spans: readonly PromptSpan[];
  readonly promptTokens: number;
  readonly counters: EngineCounters;
  /** documents of a library that is in the prompt (read whole, or as a state), in reading order */
  readonly documents: readonly OfferedDocument[];
  readonly libraryName: string;
  readonly indexed: IndexedLibrary | null;
  readonly leftOut: readonly LeftOutFile[];
  /** turns that had to be left out of the prompt before the engine saw them */
  readonly evictedTurns: readonly { readonly label: string; readonly tokens: number }[];
}

/** Bytes of a token where nothing was extracted that could be counted; said in the reason. */
const BYTES_PER_TOKEN = 4;
/** more sources of one kind are added up in one line */
const MAX_LISTED = 100;

const NONE: TokenCounts = { offered: 0, reused: 0, read: 0, pending: 0, dropped: 0 };

/**
 * @throws AppError 'internal' when the engine's counters and the prompt disagree, or a source doesn't add up
 */
export function buildReceipt(request: ReceiptRequest): Receipt {
  const { counters, promptTokens } = request;
  if (counters.reused + counters.read !== promptTokens) {
    throw new AppError(
      'internal',
      `The engine holds ${String(counters.reused + counters.read)} tokens of a prompt of ${String(promptTokens)}.`,
    );
  }
  const fate = spanFates(request);
  const sources = [
    ...documentSources(request, fate),
    ...indexedSource(request, fate),
    ...leftOutSources(request.leftOut),
    ...turnSources(request, fate),
  ];
  const total = sources.reduce(add, NONE);
  const receipt: Receipt = {
    ...total,
    passages: tokensOf(fate, 'passages'),
    overhead: tokensOf(fate, 'overhead'),
    exact: counters.reach.exact,
    sparse: counters.reach.sparse,
    sources,
  };
  assertAddsUp(receipt);
  return receipt;
}

/** @throws AppError 'internal' unless offered = reused + read + pending + dropped, per source and in all */
export function assertAddsUp(receipt: Receipt): void {
  for (const counts of [receipt, ...receipt.sources]) {
    const { offered, reused, read, pending, dropped } = counts;
    if (offered === reused + read + pending + dropped) continue;
    throw new AppError('internal', 'The context receipt does not add up.', undefined, {
      details: { ...counts },
    });
  }
}

interface SpanFate extends TokenCounts {
  readonly kind: PromptSpan['kind'];
  readonly key: string;
}

/** What became of each span: reused, read, or (with a window that slid on, and no bands) out of sight. */
function spanFates({ spans, promptTokens, counters }: ReceiptRequest): SpanFate[] {
  const { reused, reach, sinks } = counters;
  const slid = reach.sparse === 0 && reach.exact < promptTokens;
  const visibleFrom = slid ? promptTokens - (reach.exact - sinks) : 0;
  return spans.map(({ kind, key, start, end }) => {
    const dropped = overlap(start, end, sinks, visibleFrom);
    const before = overlap(start, end, 0, reused) - overlap(start, end, sinks, Math.min(reused, visibleFrom));
    const offered = end - start;
    return { kind, key, offered, reused: before, read: offered - before - dropped, pending: 0, dropped };
  });
}

function overlap(start: number, end: number, low: number, high: number): number {
  return Math.max(0, Math.min(end, high) - Math.max(start, low));
}

function add(a: TokenCounts, b: TokenCounts): TokenCounts {
  return {
    offered: a.offered + b.offered,
    reused: a.reused + b.reused,
    read: a.read + b.read,
    pending: a.pending + b.pending,
    dropped: a.dropped + b.dropped,
  };
}

function sumOf(fates: readonly SpanFate[], kind: PromptSpan['kind'], key?: string): TokenCounts {
  const matching = fates.filter((fate) => fate.kind === kind && (key === undefined || fate.key === key));
  return matching.reduce<TokenCounts>(add, NONE);
}

function tokensOf(fates: readonly SpanFate[], kind: PromptSpan['kind']): number {
  return sumOf(fates, kind).offered;
}

const SLID_OUT = 'slid out of the window';

function documentSources(request: ReceiptRequest, fates: readonly SpanFate[]): ReceiptSource[] {
  const sources = request.documents.map((document): ReceiptSource => {
    const inPrompt = sumOf(fates, 'document', document.key);
    const pending = document.tokens - inPrompt.offered;
    const reasons = [...(pending > 0 ? ['not read yet'] : []), ...(inPrompt.dropped > 0 ? [SLID_OUT] : [])];
    return {
      kind: 'document',
      name: document.path,
      ...inPrompt,
      offered: document.tokens,
      pending,
      bytes: document.bytes,
      ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
      ...(document.readAs === document.path ? {} : { readAs: document.readAs }),
    };
  });
  if (sources.length <= MAX_LISTED) return sources;
  const plain = sources.filter((source) => source.reason === undefined && source.readAs === undefined);
  const special = sources.filter((source) => source.reason !== undefined || source.readAs !== undefined);
  return [
    ...summed('library', `${request.libraryName}: ${String(plain.length)} files`, plain),
    ...limited(special, 'document'),
  ];
}

function summed(
  kind: ReceiptSource['kind'],
  name: string,
  sources: readonly ReceiptSource[],
  reason?: string,
): ReceiptSource[] {
  if (sources.length === 0) return [];
  const bytes = sources.reduce((sum, source) => sum + (source.bytes ?? 0), 0);
  const counts = sources.reduce<TokenCounts>(add, NONE);
  return [{ kind, name, ...counts, bytes, ...(reason === undefined ? {} : { reason }) }];
}

function limited(sources: readonly ReceiptSource[], kind: ReceiptSource['kind']): ReceiptSource[] {
  if (sources.length <= MAX_LISTED) return [...sources];
  const rest = sources.slice(MAX_LISTED);
  const reasons = [...new Set(rest.map((source) => source.reason ?? ''))].slice(0, 5).join('; ');
  return [...sources.slice(0, MAX_LISTED), ...summed(kind, `and ${String(rest.length)} more`, rest, reasons)];
}

function indexedSource({ indexed }: ReceiptRequest, fates: readonly SpanFate[]): ReceiptSource[] {
  if (indexed === null) return [];
  const { name, tokens, files, passages } = indexed;
  return [{ kind: 'library', name, ...sumOf(fates, 'passages'), indexed: { tokens, files, passages } }];
}

function leftOutSources(leftOut: readonly LeftOutFile[]): ReceiptSource[] {
  const sources = leftOut.map(({ path, bytes, reason }): ReceiptSource => {
    const tokens = Math.ceil(bytes / BYTES_PER_TOKEN);
    return {
      ...NONE,
      kind: 'document',
      name: path,
      offered: tokens,
      dropped: tokens,
      bytes,
      reason: `${reason} (tokens estimated from bytes)`,
    };
  });
  return limited(sources, 'document');
}

function turnSources(request: ReceiptRequest, fates: readonly SpanFate[]): ReceiptSource[] {
  const evicted = request.evictedTurns.map(({ label, tokens }): ReceiptSource => ({
    ...NONE,
    kind: 'turn',
    name: label,
    offered: tokens,
    dropped: tokens,
    reason: 'evicted: the context was full',
  }));
  const labels = [...new Set(fates.filter((fate) => fate.kind === 'turn').map((fate) => fate.key))];
  const earlier = labels.map((label) => turnSource(label, sumOf(fates, 'turn', label)));
  return [...evicted, ...earlier, turnSource('question', sumOf(fates, 'question'))];
}

function turnSource(name: string, counts: TokenCounts): ReceiptSource {
  return { kind: 'turn', name, ...counts, ...(counts.dropped > 0 ? { reason: `evicted: ${SLID_OUT}` } : {}) };
}
