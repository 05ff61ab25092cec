/**
 * Passages by what they mean: each gets a point from the sentence model, in the background, and a question finds the
 * nearest (decision 0010). Without the model's files, and until all passages of a version have their point, nothing is
 * near anything, and the words decide alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VersionId } from '../../shared/model/index.ts';
import { Embedder, pack } from '../embedding/index.ts';
import type { PassageHit, PassageText, Store } from '../store/index.ts';
import type { ReadingGate } from './reading-gate.ts';
import { sentenceModelFolder } from './sentence-model-files.ts';

export interface SentenceSearchConfig {
  readonly dataFolder: string;
  readonly store: Pick<
    Store,
    'libraries' | 'passagesWithoutVector' | 'hasAllVectors' | 'putPassageVectors' | 'nearestPassages'
  >;
  /** on battery and before sleep nothing is made */
  readonly gate: Pick<ReadingGate, 'read'>;
  /** an answer is being written, or files are being indexed: they have the processor for themselves */
  readonly isBusy: () => boolean;
  readonly onNote: (text: string) => void;
  /** ms from a change to the work on it; other than 3 s in tests */
  readonly delayMs?: number;
}

/** A question and what is asked right after a start come first. */
const DELAY_MS = 3000;
/** passages between two writes: a few seconds of work, and all that a kill loses */
const BATCH = 32;
/** passages fetched at a time: the document that they stand in is loaded once for them */
const FETCHED = 512;
/** ms between two looks whether the processor is free */
const BUSY_POLL_MS = 500;

export class SentenceSearch {
  readonly #config: SentenceSearchConfig;
  readonly #stop = new AbortController();
  /** versions all of whose passages are known to have their point */
  readonly #complete = new Set<VersionId>();
  #embedder: { readonly folder: string; readonly embedder: Embedder } | null = null;
  #work: Promise<void> | null = null;
  #again = false;

  constructor(config: SentenceSearchConfig) {
    this.#config = config;
  }

  /** Libraries have changed, or may have, or the model has come: what has no point gets one. Returns at once. */
  wake(): void {
    this.#again = true;
    this.#complete.clear();
    if (this.#stop.signal.aborted) return;
    this.#work ??= this.#run().finally(() => (this.#work = null));
  }

  /**
   * The passages nearest to a question, best first; none without the model or before all have their point.
   * @param documents paths in the version; undefined: all
   */
  async nearest(
    version: VersionId,
    question: string,
    documents: readonly string[] | undefined,
    limit: number,
  ): Promise<readonly PassageHit[]> {
    try {
      if (!(await this.#isComplete(version))) return [];
      const embedder = await this.#model();
      if (embedder === null) return [];
      const point = await embedder.embed(question);
      return await this.#config.store.nearestPassages(version, point, documents, limit);
    } catch (error) {
      this.#config.onNote(`Passages are found by their words alone: ${messageOf(error)}`);
      return [];
    }
  }

  /** Resolves when nothing is being made any more (in tests: when all is done). */
  async idle(): Promise<void> {
    await this.#work;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#embedder?.embedder.close();
    await this.#work;
  }

  async #isComplete(version: VersionId): Promise<boolean> {
    if (this.#complete.has(version)) return true;
    const isComplete = await this.#config.store.hasAllVectors(version);
    if (isComplete) this.#complete.add(version);
    return isComplete;
  }

  /** null: its files are not there */
  async #model(): Promise<Embedder | null> {
    const folder = await sentenceModelFolder(this.#config.dataFolder);
    if (folder === null || this.#stop.signal.aborted) return null;
    if (this.#embedder?.folder !== folder) {
      await this.#embedder?.embedder.close();
      this.#embedder = { folder, embedder: new Embedder(folder) };
    }
    return this.#embedder.embedder;
  }

  async #run(): Promise<void> {
    const { store, onNote, delayMs = DELAY_MS } = this.#config;
    const { signal } = this.#stop;
    try {
      while (this.#again) {
        await sleep(delayMs, undefined, { signal, ref: false });
        this.#again = false;
        for (const { versionId } of await store.libraries())
          if (versionId !== null) await this.#embedAll(versionId, signal);
      }
    } catch (error) {
      if (!signal.aborted)
        onNote(`Passages could not be prepared for search by meaning: ${messageOf(error)}`);
    }
  }

  async #embedAll(version: VersionId, signal: AbortSignal): Promise<void> {
    const { store, gate } = this.#config;
    for (let after = 0; ;) {
      await this.#untilFree(signal);
      const embedder = await this.#model();
      const missing = embedder === null ? [] : await store.passagesWithoutVector(version, after, FETCHED);
      const last = missing.at(-1);
      if (embedder === null || last === undefined) return;
      for (let from = 0; from < missing.length; from += BATCH) {
        await this.#untilFree(signal);
        const batch = missing.slice(from, from + BATCH);
        await gate.read(
          () => this.#embed(embedder, batch),
          signal,
          () => undefined,
        );
      }
      after = last.id;
    }
  }

  async #untilFree(signal: AbortSignal): Promise<void> {
    while (this.#config.isBusy()) await sleep(BUSY_POLL_MS, undefined, { signal, ref: false });
  }

  async #embed(embedder: Embedder, batch: readonly PassageText[]): Promise<void> {
    const vectors: { id: number; vector: Uint8Array }[] = [];
    for (const passage of batch)
      vectors.push({ id: passage.id, vector: pack(await embedder.embed(inContext(passage))) });
    await this.#config.store.putPassageVectors(vectors);
  }
}

/** Where a passage stands says what it is about: in source code, often more than its text does. */
function inContext({ path, section, text }: PassageText): string {
  return [path, section, text].filter((part) => part !== '').join('\n');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
