/** What a bench is asked for and what it prints (design section 5). */
import type { BackendName } from '../engine/index.ts';

export const benchNames = [
  'prefill',
  'decode',
  'reopen',
  'ingest',
  'recall',
  'perplexity',
  'attention',
  'count',
  'profile',
] as const;
export type BenchName = (typeof benchNames)[number];

export interface BenchModel {
  readonly id: string;
  readonly path: string;
  /** SHA-256 of the file, or of model and adapter */
  readonly hash: string;
  /** path of a LoRA adapter */
  readonly adapter?: string;
}

export interface BenchRequest {
  readonly model: BenchModel;
  readonly backend: BackendName;
  /** preset or path of a JSON file; each bench has its own default */
  readonly plan?: string | undefined;
  /** part of a graphics adapter's name, or several with commas */
  readonly device?: string | undefined;
  /** of the processor; absent: as was measured */
  readonly threads?: number | undefined;
  /** tokens to read or to score; recall: of the document */
  readonly tokens?: number | undefined;
  /** decode: tokens before the first generated one */
  readonly context?: number | undefined;
  /** decode: a second context, measured in turns with the first */
  readonly compare?: number | undefined;
  /** decode: rings filled with noise instead of reading the context */
  readonly synthetic?: boolean | undefined;
  /** measurements of which the median counts */
  readonly repeat?: number | undefined;
  /** perplexity: a text; recall: text between the facts */
  readonly file?: string | undefined;
  /** attention: folder with cases.json */
  readonly vectors?: string | undefined;
  /** ingest: files and folders */
  readonly paths?: readonly string[] | undefined;
  /** for tests: rows of the largest chunk */
  readonly maxRows?: number | undefined;
  readonly onProgress?: ((done: number, total: number, what: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What every bench prints. */
export interface BenchFigures {
  readonly name: BenchName;
  readonly backend: string;
  readonly device: string;
  readonly threads: number;
  readonly model: string;
  readonly plan: string;
  readonly contextTokens: number;
  /** null where a bench has no such figure */
  readonly tokensPerSecond: number | null;
  /** of the process that did the work */
  readonly peakMemoryMB: number;
}

/** Every bench has figures of its own besides. */
export interface BenchResult extends BenchFigures {
  readonly [figure: string]: unknown;
}
