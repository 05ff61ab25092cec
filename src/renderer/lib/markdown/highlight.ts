/** Colours of source code: asked of a worker, which is ended and begun anew when it takes too long over a text. */
import { languageId } from './grammars.ts';
import workerUrl from './worker.ts?worker&url';
import type { Asked, Coloured, Lines } from './tokens.ts';

export type { Word } from './tokens.ts';
/** ms after which a text stays plain, and so do those that wait behind it */
const PATIENCE_MS = 5_000;
/** units; longer code is better read than coloured */
const LONGEST = 200_000;

const waiting = new Map<number, (lines: Lines | null) => void>();
let worker: Worker | null = null;
let nextId = 1;

/**
 * Words of each line; null: it stays plain.
 * @param signal fires when nobody wants to know any more
 */
export function highlight(code: string, language: string, signal?: AbortSignal): Promise<Lines | null> {
  if (languageId(language) === null || code.length > LONGEST || signal?.aborted === true)
    return Promise.resolve(null);
  const id = nextId++;
  return new Promise((resolve) => {
    const timer = setTimeout(giveUp, PATIENCE_MS);
    waiting.set(id, (lines) => {
      clearTimeout(timer);
      waiting.delete(id);
      resolve(lines);
    });
    worker ??= start();
    worker.postMessage({ id, code, language } satisfies Asked);
  });
}

function start(): Worker {
  const made = new Worker(ownScript(), { type: 'module' });
  made.addEventListener('message', ({ data }: MessageEvent<Coloured>) => waiting.get(data.id)?.(data.lines));
  made.addEventListener('error', giveUp);
  return made;
}

function giveUp(): void {
  worker?.terminate();
  worker = null;
  for (const answer of waiting.values()) answer(null);
}

/** The address of our worker, as browsers with Trusted Types want it: no other script has the leave of this policy. */
function ownScript(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy('longleaf', { createScriptURL: () => workerUrl });
  // A TrustedScriptURL is taken where a string is; the library types don't know it.
  return (policy?.createScriptURL(workerUrl) as string | undefined) ?? workerUrl;
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): unknown };
}
