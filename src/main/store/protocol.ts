/** What travels between the store's client and its worker. */
import type { WireError } from '../../shared/errors.ts';
import type { SyncStore } from './sync-store.ts';

export interface WorkerOptions {
  readonly dataFolder: string;
}

export interface Call {
  readonly id: number;
  readonly method: keyof SyncStore;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly kind: 'ready'; readonly methods: readonly (keyof SyncStore)[]; readonly note: string | null }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'value'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };
