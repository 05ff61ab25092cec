/** What travels between the pool and its workers. */
import type { WireError } from '../../../shared/errors.ts';
import type { Passage } from '../../../shared/model/index.ts';
import type { DocumentKind, ExtractedDocument } from '../types.ts';

export interface ExtractTask {
  readonly id: number;
  readonly absolutePath: string;
  readonly kind: DocumentKind;
}

export interface Extracted {
  readonly document: ExtractedDocument;
  readonly passages: readonly Passage[];
}

export interface WorkerSetup {
  /** tokens a passage, about */
  readonly targetTokens: number;
  /** one Int32: id of the task under way, so that a crash is blamed on its file alone */
  readonly current: Int32Array<SharedArrayBuffer>;
}

/** to the worker: tasks in order; back: one answer for each */
export type ExtractAnswer =
  ({ readonly id: number } & Extracted) | { readonly id: number; readonly error: WireError };
