/**
 * Ctrl-C: the first asks the work to stop, a second one leaves at once. What was acknowledged is saved in either
 * case; leaving only forgoes the tidy end.
 */
import { constants } from 'node:os';
import { AppError } from '../../shared/errors.ts';

/** One keypress can arrive twice: from the terminal, and handed on by npm or boot.mjs. */
const SAME_KEYPRESS_MS = 250;
/** A stop that takes longer than this is no stop. */
const LEAVE_AFTER_MS = 10_000;

export interface Interrupts {
  /** fires when the program is to end */
  readonly signal: AbortSignal;
  /** exit code of the signal that came; null while none came */
  readonly exitCode: number | null;
  /** while `handler` is set, Ctrl-C goes to it and ends nothing; the returned function takes it away */
  capture(handler: () => void): () => void;
  dispose(): void;
}

export function listenForInterrupts(): Interrupts {
  const abort = new AbortController();
  let exitCode: number | null = null;
  let last = -Infinity;
  let captured: (() => void) | null = null;
  const onSignal = (name: 'SIGINT' | 'SIGTERM' | 'SIGHUP') => {
    const now = performance.now();
    if (now - last < SAME_KEYPRESS_MS) return;
    last = now;
    if (captured && name === 'SIGINT') return captured();
    const code = 128 + constants.signals[name];
    if (exitCode !== null) process.exit(code);
    exitCode = code;
    setTimeout(() => process.exit(code), LEAVE_AFTER_MS).unref();
    abort.abort();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    signal: abort.signal,
    get exitCode() {
      return exitCode;
    },
    capture: (handler) => {
      captured = handler;
      return () => (captured = null);
    },
    dispose: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** The result of `work`, unless `signal` fires before: for work that cannot be told to stop, and harms nothing. */
export async function leaveOn<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const left = Promise.withResolvers<never>();
  const leave = () => left.reject(new AppError('interrupted', 'Interrupted.'));
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([work, left.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
