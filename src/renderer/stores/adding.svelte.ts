/** From chosen or dropped files to the preview of a library: what would be read, what not, and what it costs. */
import type { FileReport, LibraryEvent, LibraryPreview } from '../../shared/rpc/index.ts';
import { chooseFilePaths } from '../lib/files.ts';
import { core } from './core.svelte.ts';
import { libraries } from './libraries.svelte.ts';
import { ui } from './ui.svelte.ts';

/** Asks for files or a folder, then opens the preview. */
export async function addToLibrary(options: {
  readonly folders: boolean;
  readonly library?: string;
}): Promise<void> {
  await ui.attempt(async () => {
    const paths = await chooseFilePaths({ folders: options.folders });
    if (paths.length === 0) return;
    ui.open({ kind: 'add', paths, ...(options.library === undefined ? {} : { library: options.library }) });
  });
}

/** A path as it is shown: what a browser handed over lies in a folder that nobody knows. */
export function shownPath(path: string): string {
  return path.replace(/^.*[\\/]uploads[\\/][0-9a-f-]{36}[\\/]/, '');
}

/** A name that is free, after the folder or file that was chosen. */
export function nameFor(paths: readonly string[]): string {
  const last = paths[0]?.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const stem = last.replace(/(?<=.)\.[a-z]\w{0,4}$/i, '');
  const base = stem.slice(0, 150) || 'library';
  const taken = new Set(libraries.list.map(({ library }) => library.name));
  for (let n = 1; ; n++) {
    const name = n === 1 ? base : `${base} ${n}`;
    if (!taken.has(name)) return name;
  }
}

/** Files that are left out for one reason, by folder or kind, so that 40,000 of them are one row. */
export interface LeftOut {
  readonly reason: string;
  readonly files: readonly FileReport[];
}

export class Adding {
  preview = $state.raw<LibraryPreview | null>(null);
  progress = $state.raw<Extract<LibraryEvent, { kind: 'progress' }> | null>(null);
  error = $state.raw<unknown>(null);
  #abort = new AbortController();

  /**
   * Asks once with reading on: the answer holds the cost of both.
   * @param name of a library that is there already, or of a new one
   */
  async look(name: string, paths: readonly string[]): Promise<void> {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    this.error = null;
    this.preview = null;
    this.progress = null;
    try {
      const args = { name, paths: [...paths], read: 'always' as const, preview: true };
      for await (const event of core.client.stream('library.add', args, abort.signal)) {
        if (abort.signal.aborted) return;
        if (event.kind === 'preview') this.preview = event.preview;
        else if (event.kind === 'progress') this.progress = event;
      }
    } catch (error) {
      if (!abort.signal.aborted) this.error = error;
    }
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#abort.abort();
  }
}

/** By reason, the most files first. */
export function byReason(files: readonly FileReport[]): readonly LeftOut[] {
  const reasons = new Map<string, FileReport[]>();
  for (const file of files) {
    const reason = file.reason ?? '';
    const list = reasons.get(reason);
    if (list === undefined) reasons.set(reason, [file]);
    else list.push(file);
  }
  return [...reasons]
    .map(([reason, list]) => ({ reason, files: list }))
    .sort((a, b) => b.files.length - a.files.length);
}
