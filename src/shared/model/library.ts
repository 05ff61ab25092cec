import type { ContentHash, LibraryId, VersionId } from './ids.ts';

export type FileOutcome = 'read' | 'partly' | 'refused' | 'skipped';

export interface Library {
  readonly id: LibraryId;
  readonly name: string;
  /** absolute paths that were added, in order */
  readonly roots: readonly string[];
  readonly versionId: VersionId | null;
  /** user's choice; 'auto' looks at the model's far-reading gate */
  readonly read: 'auto' | 'always' | 'never';
  readonly createdAt: string;
}

/** One file of a library version, in reading order; skipped and refused files are listed too. */
export interface LibraryFile {
  readonly path: string;
  readonly absolutePath: string;
  readonly outcome: FileOutcome;
  readonly reason: string | null;
  readonly bytes: number;
  readonly mtimeMs: number;
  /** null when nothing was extracted */
  readonly hash: ContentHash | null;
  /** tokens of the extracted text with the model's tokenizer; 0 when nothing was extracted */
  readonly tokens: number;
  /** the path as of reading, which stands in the document's header inside the state; differs after a rename */
  readonly readAs: string;
}

export interface Passage {
  readonly documentHash: ContentHash;
  readonly index: number;
  /** offsets in UTF-16 code units of the extracted text */
  readonly start: number;
  readonly end: number;
  readonly lineStart: number;
  readonly lineEnd: number;
  /** heading path or chapter title; empty when there is none */
  readonly section: string;
  /** identifiers that this passage defines (functions, classes, types …); for source code */
  readonly defines: readonly string[];
}
