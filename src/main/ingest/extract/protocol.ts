/** What travels between the pool and its workers. */
import type { WireError } from '../../../shared/errors.ts';
import type { Passage } from '../../../shared/model/index.ts';
import type { ExtractedDocument, TextPiece } from '../types.ts';
import type { FileToRead } from './document.ts';

export interface ExtractTask extends FileToRead {
  readonly id: number;
  /** whether its text is handed over in pieces */
  readonly inPieces: boolean;
}

/** to the worker: a piece was taken care of; false: no more are wanted */
export interface PieceTaken {
  readonly id: number;
  readonly goOn: boolean;
}

export interface Extracted {
  readonly document: ExtractedDocument;
  readonly passages: readonly Passage[];
}

export interface WorkerSetup {
  /** tokens a passage, about */
  readonly targetTokens: number;
  /** id of the task under way, so that a crash is blamed on its file alone; signs of life, counted */
  readonly current: Int32Array<SharedArrayBuffer>;
}

/** to the worker: tasks in order; back: one answer for each, before it the pieces of a long text */
export type ExtractAnswer =
  | ({ readonly id: number } & Extracted)
  | { readonly id: number; readonly error: WireError }
  | { readonly id: number; readonly piece: TextPiece };
