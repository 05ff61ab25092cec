/**
 * How long a search in the library view takes on a large index: generated texts (bench/search/texts.ts) through the real
 * store, then 100 queries of four kinds, each once, with a page of hits in place as the view asks for it.
 *
 *   node boot.mjs run bench/search.ts [--mb 1000] [--minutes 4] [--data FOLDER] [--library NAME] [--save]
 *
 * --minutes bounds the building of the index; what was reached is told. --data keeps the index for a second run. With
 * --library the queries are words of a library that is there, as `bench/ingest.ts` leaves one while it runs.
 */
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ContentHash, Passage, VersionId } from '../src/shared/model/index.ts';
import type { Store, StoredDocument } from '../src/main/store/index.ts';
import { openStore } from '../src/main/store/index.ts';
import { environment, writeResult } from './environment.ts';
import { paragraph, randomOf, Vocabulary } from './search/texts.ts';

/** hits of a page in the library view */
const PAGE = 50;
const QUERIES_OF_A_KIND = 25;
/** documents being stored while the next is made */
const AHEAD = 2;

/** @returns seconds that it took */
async function build(store: Store, words: Vocabulary, megabytes: number, minutes: number): Promise<number> {
  const random = randomOf(2);
  const started = performance.now();
  const library = await store.createLibrary({ name: 'large', roots: ['/large'], read: 'never' });
  const version = await store.beginVersion(library.id);
  const storing: Promise<void>[] = [];
  let [documents, characters] = [0, 0];
  while (characters < megabytes * 1e6 && performance.now() - started < minutes * 60_000) {
    const made = documentOf(documents, words, random);
    const path = `large/${String(documents % 500)}/${String(documents)}.txt`;
    const file = {
      ordinal: documents,
      path,
      absolutePath: `/${path}`,
      outcome: 'read',
      reason: null,
    } as const;
    const { hash, text } = made.document;
    const row = { ...file, bytes: text.length, mtimeMs: 1, hash, tokens: 1, readAs: path };
    storing.push(
      store.putDocument(made.document, made.passages).then(() => store.putVersionFiles(version, [row])),
    );
    if (storing.length > AHEAD) await storing.shift();
    documents += 1;
    characters += text.length;
    if (documents % 500 === 0)
      console.error(`${String(documents)} documents, ${(characters / 1e6).toFixed(0)} MB`);
  }
  await Promise.all(storing);
  await store.commitVersion(library.id, version);
  return (performance.now() - started) / 1000;
}

/** Four of five are prose, the rest source code and Japanese; 10 to 400 passages, as articles and books are. */
function documentOf(
  number: number,
  words: Vocabulary,
  random: () => number,
): { document: StoredDocument; passages: Passage[] } {
  const kind = number % 10 === 0 ? 'foreign' : number % 10 === 5 ? 'code' : 'prose';
  const hash = createHash('sha256').update(String(number)).digest('hex') as ContentHash;
  const passages: Passage[] = [];
  const count = Math.floor(10 * 40 ** random());
  let text = '';
  for (let index = 0; index < count; index++) {
    const start = text.length;
    text += paragraph(kind, words, random);
    const place = { lineStart: index + 1, lineEnd: index + 1, section: '', defines: [] };
    passages.push({ documentHash: hash, index, start, end: text.length, ...place });
  }
  const sections = [{ start: 0, end: text.length, headings: [] }];
  const state = { title: null, outcome: 'read', reason: null, extractorVersion: 1 } as const;
  return { document: { hash, kind: kind === 'code' ? 'code' : 'text', text, sections, ...state }, passages };
}

/** 25 of each kind, drawn by one seed. */
function queriesOf({ words, foreign }: Words): Readonly<Record<string, readonly string[]>> {
  const random = randomOf(3);
  const between = (list: readonly string[], from: number, to: number): string =>
    list[Math.floor(from + random() * (to - from))] ?? '';
  const draw = (query: () => string): string[] => Array.from({ length: QUERIES_OF_A_KIND }, query);
  const kinds = {
    rare: draw(() => between(words, words.length / 3, words.length)),
    common: draw(() => between(words, 0, 60)),
    several: draw(() => [0, 100, 1_000].map((from) => between(words, from, from * 3 + 60)).join(' ')),
  };
  if (foreign.length === 0) return kinds;
  return {
    ...kinds,
    japanese: draw(() => between(foreign, 0, 2_000).slice(0, 1 + Math.floor(random() * 3))),
  };
}

/** in the order of their frequency */
type Words = Pick<Vocabulary, 'words' | 'foreign'>;

const SAMPLED = 500;

/** The words of a library, by some of its documents. */
async function wordsOf(store: Store, version: VersionId): Promise<Words> {
  const files = (await store.versionFiles(version)).filter(({ hash }) => hash !== null);
  const counts = new Map<string, number>();
  for (let i = 0; i < SAMPLED; i++) {
    const hash = files[Math.floor((i * files.length) / SAMPLED)]?.hash ?? null;
    const piece = hash === null ? null : await store.documentPiece(hash, 0);
    for (const [word] of piece?.text.toLowerCase().matchAll(/[a-z]{2,}/g) ?? [])
      counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return { words: [...counts].sort(([, a], [, b]) => b - a).map(([word]) => word), foreign: [] };
}

async function timed(store: Store, version: VersionId, query: string): Promise<{ ms: number; hits: number }> {
  const begin = performance.now();
  const hits = await store.searchDocuments(version, query, { limit: PAGE, offset: 0 });
  return { ms: performance.now() - begin, hits: hits.length };
}

function spread(times: readonly number[]): { p50: number; p95: number; max: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 10) / 10;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

async function measure(
  store: Store,
  version: VersionId,
  words: Words,
): Promise<Record<string, { p50: number; p95: number; max: number; hits: number }>> {
  const kinds: Record<string, { p50: number; p95: number; max: number; hits: number }> = {};
  const all: number[] = [];
  for (const [kind, queries] of Object.entries(queriesOf(words))) {
    const runs: { ms: number; hits: number }[] = [];
    for (const query of queries) {
      const run = await timed(store, version, query);
      runs.push(run);
      if (run.ms > 200) console.error(`slow: ${query}: ${run.ms.toFixed(0)} ms, ${String(run.hits)} hits`);
    }
    const times = runs.map(({ ms }) => ms);
    all.push(...times);
    kinds[kind] = { ...spread(times), hits: runs.reduce((sum, { hits }) => sum + hits, 0) };
  }
  return {
    ...kinds,
    all: { ...spread(all), hits: Object.values(kinds).reduce((sum, { hits }) => sum + hits, 0) },
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mb: { type: 'string', default: '1000' },
      minutes: { type: 'string', default: '4' },
      data: { type: 'string' },
      library: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const folder = values.data ?? (await mkdtemp(join(tmpdir(), 'longleaf-search-')));
  const words = new Vocabulary(1);
  try {
    let buildSeconds: number | null = null;
    if (!existsSync(join(folder, 'longleaf.db'))) {
      const store = await openStore({ dataFolder: folder });
      buildSeconds = await build(store, words, Number(values.mb), Number(values.minutes));
      await store.close();
    }
    // opened anew: what SQLite kept in memory while it wrote is gone
    const store = await openStore({ dataFolder: folder });
    const version = (await store.library(values.library ?? 'large'))?.versionId;
    if (version === undefined || version === null) throw new Error('The index was not finished.');
    const { documents, bytes } = await store.versionTotals(version);
    const { total: passages } = await store.documentFrequencies(version, []);
    const asked = values.library === undefined ? words : await wordsOf(store, version);
    const kinds = await measure(store, version, asked);
    await store.close();
    const databaseMB = Math.round(statSync(join(folder, 'longleaf.db')).size / 1e6);
    const index = { documents, passages, textMB: Math.round(bytes / 1e6), databaseMB, buildSeconds };
    const result = { environment: environment(), page: PAGE, index, kinds };
    console.log(JSON.stringify(result, null, 1));
    if (values.save) writeResult(values.library === undefined ? 'search' : 'search-library', result);
  } finally {
    if (values.data === undefined) await rm(folder, { recursive: true, force: true });
  }
}

await main();
