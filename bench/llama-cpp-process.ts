/**
 * llama.cpp in a process of its own, so that its peak memory is its own and its threads end with it. Started by
 * `startLlamaCpp`; speaks over Node's IPC channel.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadLlamaCpp } from './llama-cpp.ts';
import type { LlamaCppOptions } from './llama-cpp.ts';

/** What the process is asked; one question at a time. */
type Question =
  | { readonly ask: 'load'; readonly path: string; readonly options: LlamaCppOptions }
  | { readonly ask: 'prefill'; readonly ids: readonly number[] }
  | { readonly ask: 'readOn'; readonly ids: readonly number[] }
  | { readonly ask: 'decode'; readonly count: number }
  | { readonly ask: 'backTo'; readonly length: number }
  | { readonly ask: 'save' | 'restore'; readonly file: string }
  | { readonly ask: 'library' }
  | { readonly ask: 'logProbabilities'; readonly ids: readonly number[] }
  | { readonly ask: 'peakMemoryMB' };

type Answer =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

export interface LlamaCppProcess {
  /** ms to read ids into an empty context */
  prefill(ids: Int32Array): Promise<number>;
  /** ms to read ids after what has been read */
  readOn(ids: Int32Array): Promise<number>;
  /** ms to generate `count` tokens after what has been read */
  decode(count: number): Promise<number>;
  /** Forgets all that was read after the first `length` tokens. */
  backTo(length: number): Promise<void>;
  /** Writes what was read to a file. @returns its bytes */
  save(file: string): Promise<number>;
  /** ms to take what `save` wrote */
  restore(file: string): Promise<number>;
  /** file name of the processor code that llama.cpp chose for this machine; null where the system does not tell */
  library(): Promise<string | null>;
  /** natural log; entry 0 is NaN */
  logProbabilities(ids: Int32Array): Promise<Float64Array>;
  /** of the process, MB */
  peakMemoryMB(): Promise<number>;
  close(): void;
}

/** @throws Error when llama.cpp cannot load the model with these options */
export async function startLlamaCpp(path: string, options: LlamaCppOptions): Promise<LlamaCppProcess> {
  const child = fork(fileURLToPath(import.meta.url), ['--answer'], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ask = (question: Question): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('The llama.cpp process ended.'));
      child.once('exit', ended);
      child.once('message', (answer: Answer) => {
        child.off('exit', ended);
        if (answer.ok) resolve(answer.value);
        else reject(new Error(answer.message));
      });
      child.send(question);
    });
  await ask({ ask: 'load', path, options });
  return {
    prefill: async (ids) => Number(await ask({ ask: 'prefill', ids: [...ids] })),
    readOn: async (ids) => Number(await ask({ ask: 'readOn', ids: [...ids] })),
    decode: async (count) => Number(await ask({ ask: 'decode', count })),
    backTo: async (length) => void (await ask({ ask: 'backTo', length })),
    save: async (file) => Number(await ask({ ask: 'save', file })),
    restore: async (file) => Number(await ask({ ask: 'restore', file })),
    library: async () => (await ask({ ask: 'library' })) as string | null,
    logProbabilities: async (ids) => (await ask({ ask: 'logProbabilities', ids: [...ids] })) as Float64Array,
    peakMemoryMB: async () => Number(await ask({ ask: 'peakMemoryMB' })),
    close: () => void child.kill(),
  };
}

/** llama.cpp brings one library per generation of processors, and loads the one that fits. */
function chosenLibrary(): string | null {
  if (process.platform !== 'linux') return null;
  return /libggml-cpu[\w.-]*\.so/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0] ?? null;
}

async function answerQuestions(): Promise<void> {
  let loaded: Awaited<ReturnType<typeof loadLlamaCpp>> | undefined;
  const answer = async (question: Question): Promise<unknown> => {
    if (question.ask === 'load') {
      loaded = await loadLlamaCpp(question.path, question.options);
      return null;
    }
    if (loaded === undefined) throw new Error('No model is loaded.');
    if (question.ask === 'prefill') return loaded.prefill(question.ids);
    if (question.ask === 'readOn') return loaded.readOn(question.ids);
    if (question.ask === 'decode') return loaded.decode(question.count);
    if (question.ask === 'backTo') return loaded.backTo(question.length);
    if (question.ask === 'save') return loaded.save(question.file);
    if (question.ask === 'restore') return loaded.restore(question.file);
    if (question.ask === 'library') return chosenLibrary();
    if (question.ask === 'logProbabilities') return loaded.logProbabilities(question.ids);
    return Math.round(process.resourceUsage().maxRSS / 1000);
  };
  process.on('disconnect', () => process.exit(0));
  process.on('message', (question: Question) => {
    answer(question).then(
      (value) => process.send?.({ ok: true, value } satisfies Answer),
      (error: unknown) =>
        process.send?.({
          ok: false,
          message: error instanceof Error ? error.message : String(error),
        } satisfies Answer),
    );
  });
  await Promise.resolve();
}

if (process.argv[2] === '--answer') await answerQuestions();
