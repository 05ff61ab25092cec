/** A book or a package, indexed in a data folder of its own: scan, extraction, passages and store of the app, no model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ReadingGate, SentenceSearch } from '../../src/main/app/index.ts';
import { createIngest, extractorVersion } from '../../src/main/ingest/index.ts';
import type { Store } from '../../src/main/store/index.ts';
import { openStore } from '../../src/main/store/index.ts';
import type { Passage, VersionId } from '../../src/shared/model/index.ts';
import type { Candidate, Corpus } from './pairs.ts';

export interface IndexedCorpus {
  readonly store: Store;
  readonly version: VersionId;
  /** in reading order */
  readonly passages: readonly (Passage & Candidate)[];
  /** gives each passage its point; seconds that it took */
  embed(): Promise<number>;
  /** as the app finds them; none before `embed` */
  readonly nearest: SentenceSearch['nearest'];
  close(): Promise<void>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const testData = resolve(root, process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data');

const SOURCES: Readonly<Record<Corpus, string>> = {
  moby: join(testData, 'epub3-samples/moby-dick.epub'),
  code: join(root, 'node_modules/eslint/lib'),
};

export async function indexCorpus(corpus: Corpus): Promise<IndexedCorpus> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-retrieval-'));
  const store = await openStore({ dataFolder });
  const sentences = new SentenceSearch({
    dataFolder,
    store,
    gate: new ReadingGate(),
    isBusy: () => false,
    onNote: (note) => console.error(note),
    delayMs: 0,
  });
  const close = async (): Promise<void> => {
    await sentences.close();
    await store.close();
    await rm(dataFolder, { recursive: true, force: true });
  };
  try {
    const indexed = await index(store, SOURCES[corpus]);
    const nearest: SentenceSearch['nearest'] = (...question) => sentences.nearest(...question);
    return { store, close, nearest, embed: () => embedAll(sentences, store, indexed.version), ...indexed };
  } catch (error) {
    await close();
    throw error;
  }
}

async function embedAll(sentences: SentenceSearch, store: Store, version: VersionId): Promise<number> {
  const begin = performance.now();
  sentences.wake();
  await sentences.idle();
  if (!(await store.hasAllVectors(version)))
    throw new Error(
      'Not all passages have a point: is the sentence model there (`longleaf models download`)?',
    );
  return Math.round((performance.now() - begin) / 100) / 10;
}

async function index(store: Store, source: string): Promise<Pick<IndexedCorpus, 'version' | 'passages'>> {
  const ingest = createIngest();
  const found: (Passage & Candidate)[] = [];
  try {
    const library = await store.createLibrary({ name: 'corpus', roots: [source], read: 'never' });
    const version = await store.beginVersion(library.id);
    let ordinal = 0;
    for await (const entry of ingest.scan([source], { maxFileBytes: 2 ** 30 })) {
      if (entry.outcome !== null) continue;
      const { path, absolutePath, bytes, mtimeMs } = entry;
      const document = await ingest.extract(entry);
      const { hash, kind, title, text, sections, outcome, reason } = document;
      const passages = ingest.passages(document);
      await store.putDocument(
        { hash, kind, title, text, sections, outcome, reason, extractorVersion },
        passages,
      );
      const tokens = Math.ceil(text.length / 4);
      const file = { path, absolutePath, outcome, reason, bytes, mtimeMs, hash, tokens, readAs: path };
      await store.putVersionFiles(version, [{ ...file, ordinal: ordinal++ }]);
      found.push(...passages.map((one) => ({ ...one, path, text: text.slice(one.start, one.end) })));
    }
    await store.commitVersion(library.id, version);
    return { version, passages: found };
  } finally {
    await ingest.close();
  }
}
