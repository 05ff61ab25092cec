/** What the embedding thread is asked, and what it answers. */
import type { WireError } from '../../shared/errors.ts';

export interface EmbedderSetup {
  /** holds the model's files */
  readonly folder: string;
}

export interface EmbedCall {
  readonly id: number;
  readonly text: string;
}

export type EmbedReply =
  { readonly id: number; readonly point: Float32Array } | { readonly id: number; readonly error: WireError };
