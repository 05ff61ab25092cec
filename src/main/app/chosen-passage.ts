import type { ContentHash, Passage } from '../../shared/model/index.ts';

/** A stretch of one document that stands in the prompt: one passage, or neighbours joined. */
export interface ChosenPassage {
  readonly hash: ContentHash;
  readonly path: string;
  /** offsets in UTF-16 code units of the document's text */
  readonly start: number;
  readonly end: number;
  readonly lineStart: number;
  readonly lineEnd: number;
  readonly section: string;
  readonly text: string;
  readonly tokens: number;
  /** what it was joined from */
  readonly passages: readonly Passage[];
}
