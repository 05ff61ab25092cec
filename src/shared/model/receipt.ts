/**
 * The context receipt (design section 1): what was handed over, and what became of it, in tokens.
 * Invariant, per source and in total: offered = reused + read + pending + dropped.
 */
export interface TokenCounts {
  /** handed over, counted before any filter */
  readonly offered: number;
  /** restored from a state */
  readonly reused: number;
  /** computed in this turn */
  readonly read: number;
  /** not read yet */
  readonly pending: number;
  /** left out: why stands in `reason` of the source */
  readonly dropped: number;
}

export interface ReceiptSource extends TokenCounts {
  readonly kind: 'library' | 'document' | 'turn' | 'attachment';
  /** library name, document path, or turn label */
  readonly name: string;
  /** why something was dropped or is pending; empty when nothing was */
  readonly reason?: string;
  /** a renamed document shows the path it was read under */
  readonly readAs?: string;
  readonly bytes?: number;
  /** "indexed: N tokens in M files, K passages read", for a library that is indexed only */
  readonly indexed?: { readonly tokens: number; readonly files: number; readonly passages: number };
}

export interface Receipt extends TokenCounts {
  /** passages read a second time, verbatim, in tokens */
  readonly passages: number;
  /** template and preamble, in tokens */
  readonly overhead: number;
  /** keys that the last position can attend to exactly (window, sinks) */
  readonly exact: number;
  /** keys that the last position can attend to through dilated bands */
  readonly sparse: number;
  readonly sources: readonly ReceiptSource[];
  /** where the backend was left to the program: which one it took, and why */
  readonly auto?: { readonly backend: string; readonly reason: string };
}
