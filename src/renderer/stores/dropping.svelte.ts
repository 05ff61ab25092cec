/** What happens to files that were dropped on the window. */
import { type Dropped, filesOf, isReadable } from '../lib/drop-files.ts';
import { kindOf } from '../lib/drop-kind.ts';
import { formatNumber } from '../lib/format.ts';
import { upload } from '../lib/files.ts';
import { bridge } from '../lib/rpc.ts';
import { AppError } from '../../shared/errors.ts';
import { composer } from './composer.svelte.ts';
import { m } from '../paraglide/messages.js';
import { asAppError, core } from './core.svelte.ts';
import { openFiles } from './opened.ts';
import { ui } from './ui.svelte.ts';

/** Where the user let go. */
export type DropTarget =
  { readonly kind: 'attach' } | { readonly kind: 'library'; readonly name: string | null };

export interface Handover {
  readonly files: number;
  readonly bytes: number;
  readonly file: string;
}

/** uploads under way at once */
const AT_ONCE = 4;
const MB = 2 ** 20;

class Dropping {
  /** files on their way to the core, in a browser; null = none */
  handover = $state.raw<Handover | null>(null);
  #cancelled = false;
  /** of the drop: paths of files that were not handed over for their size */
  #tooLarge: string[] = [];

  /** Models and exports go where they belong; the rest to the target. */
  async drop(dropped: Dropped, target: DropTarget): Promise<void> {
    this.#cancelled = false;
    this.#tooLarge = [];
    const kinds = await Promise.all(dropped.files.map(kindOf));
    const special = dropped.files.filter((_, i) => kinds[i] !== 'document');
    const documents = dropped.files.filter((_, i) => kinds[i] === 'document');
    const names = new Set(special.map(({ name }) => name));
    // Of what the scan would refuse for its size, no gigabytes are copied first.
    const mostBytes = core.settings['ingest.maxFileMB'] * MB;
    const paths = await this.#pathsOf(
      documents,
      dropped.entries.filter((entry) => entry.isDirectory || !names.has(entry.name)),
      mostBytes,
    );
    const specialPaths = await this.#pathsOf(
      special,
      dropped.entries.filter(({ name }) => names.has(name)),
      Infinity,
    );
    if (specialPaths.length > 0) openFiles(specialPaths);
    if (paths.length === 0) {
      if (specialPaths.length > 0 || this.#cancelled) return;
      if (this.#tooLarge.length > 0)
        throw new AppError('invalid-input', this.#sayTooLarge(), m.drop_too_large_hint());
      throw new AppError('invalid-input', m.drop_nothing(), m.drop_nothing_hint());
    }
    if (this.#tooLarge.length > 0) ui.toast(this.#sayTooLarge());
    if (target.kind === 'attach') {
      if (ui.view.kind !== 'chat') ui.show({ kind: 'chat', id: null });
      composer.addPaths(paths);
    } else ui.open({ kind: 'add', paths, ...(target.name === null ? {} : { library: target.name }) });
  }

  /** What was handed over already is left behind. */
  cancel(): void {
    this.#cancelled = true;
  }

  /** In the desktop app where they lie; in a browser their bytes are handed over first. */
  async #pathsOf(
    files: readonly File[],
    entries: readonly FileSystemEntry[],
    mostBytes: number,
  ): Promise<readonly string[]> {
    const { pathForFile } = bridge ?? {};
    if (pathForFile !== undefined) return files.map(pathForFile).filter((path) => path !== '');
    if (files.length + entries.length === 0) return [];
    this.handover = { files: 0, bytes: 0, file: '' };
    try {
      return await this.#handOver(files, entries, mostBytes);
    } finally {
      this.handover = null;
    }
  }

  async #handOver(
    files: readonly File[],
    entries: readonly FileSystemEntry[],
    mostBytes: number,
  ): Promise<readonly string[]> {
    const batch = crypto.randomUUID();
    const roots = new Set<string>();
    const under = new Set<Promise<void>>();
    const unreadable: string[] = [];
    let failed: AppError | null = null;
    for await (const { file, path } of filesOf({ files, entries })) {
      if (this.#cancelled) return [];
      if (failed !== null) throw failed as AppError;
      if (file === null) {
        unreadable.push(path);
        continue;
      }
      if (file.size > mostBytes) {
        this.#tooLarge.push(path);
        continue;
      }
      const one = upload(file, path, batch)
        .then(({ root }) => {
          roots.add(root);
          const { files = 0, bytes = 0 } = this.handover ?? {};
          this.handover = { files: files + 1, bytes: bytes + file.size, file: path };
        })
        .catch(async (error: unknown) => {
          if (await isReadable(file)) failed = asAppError(error);
          else unreadable.push(path);
        })
        .finally(() => under.delete(one));
      under.add(one);
      if (under.size >= AT_ONCE) await Promise.race(under);
    }
    await Promise.all(under);
    if (failed !== null) throw failed as AppError;
    const [first] = unreadable;
    if (first !== undefined) ui.toast(m.drop_unreadable({ count: unreadable.length, path: first }));
    return this.#cancelled ? [] : [...roots];
  }

  #sayTooLarge(): string {
    return m.drop_too_large({
      count: this.#tooLarge.length,
      path: this.#tooLarge[0] ?? '',
      most: formatNumber(core.settings['ingest.maxFileMB']),
    });
  }
}

export const dropping = new Dropping();
