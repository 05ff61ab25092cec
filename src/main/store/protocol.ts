/** What travels between the store's client and its worker. */
import type { WireError } from '../../shared/errors.ts';
import type { Store } from './types.ts';

export interface WorkerOptions {
  readonly dataFolder: string;
}

export interface Call {
  readonly id: number;
  readonly method: keyof Store;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly kind: 'ready'; readonly methods: readonly (keyof Store)[] }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };
