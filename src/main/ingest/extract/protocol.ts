/** What travels between the pool and its workers. */
import type { WireError } from '../../../shared/errors.ts';
import type { DocumentKind, ExtractedDocument } from '../types.ts';

export interface ExtractTask {
  readonly id: number;
  readonly absolutePath: string;
  readonly kind: DocumentKind;
}

export interface WorkerSetup {
  /** one Int32: id of the task under way, so that a crash is blamed on its file alone */
  readonly current: Int32Array<SharedArrayBuffer>;
}

/** to the worker: tasks in order; back: one answer for each */
export type ExtractAnswer =
  | { readonly id: number; readonly document: ExtractedDocument }
  | { readonly id: number; readonly error: WireError };
