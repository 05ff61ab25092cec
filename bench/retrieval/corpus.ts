/** A book or a package, indexed in a data folder of its own: scan, extraction, passages and store of the app, no model. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  const close = async (): Promise<void> => {
    await store.close();
    await rm(dataFolder, { recursive: true, force: true });
  };
  try {
    return { store, close, ...(await index(store, SOURCES[corpus])) };
  } catch (error) {
    await close();
    throw error;
  }
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
