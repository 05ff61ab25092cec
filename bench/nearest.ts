/**
 * How long a question waits for the passages nearest to it, when a library holds as many as may be compared: random
 * points of 384 dimensions, through the store's own thread.
 *
 *   node boot.mjs run bench/nearest.ts [--passages 50000] [--save]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pack } from '../src/main/embedding/index.ts';
import type { Store } from '../src/main/store/index.ts';
import { openStore } from '../src/main/store/index.ts';
import type { ContentHash, VersionId } from '../src/shared/model/index.ts';
import { environment, writeResult } from './environment.ts';

const DIMENSIONS = 384;
const QUESTIONS = 30;
const PER_DOCUMENT = 1000;
const FOUND = 48;

/** the same every time (a linear congruential generator, Lehmer's) */
let state = 7;
const random = (): number => (state = (state * 48_271) % 0x7fffffff) / 0x7fffffff;

function randomPoint(): Float32Array {
  const point = Float32Array.from({ length: DIMENSIONS }, () => random() + random() - 1);
  const length = Math.hypot(...point);
  return point.map((value) => value / length);
}

async function fill(store: Store, passages: number): Promise<VersionId> {
  const library = await store.createLibrary({ name: 'points', roots: ['/points'], read: 'never' });
  const version = await store.beginVersion(library.id);
  for (let first = 0; first < passages; first += PER_DOCUMENT) {
    const name = String(first).padStart(64, '0');
    const hash = name as ContentHash;
    const count = Math.min(PER_DOCUMENT, passages - first);
    const document = {
      hash,
      kind: 'text',
      title: null,
      sections: [],
      outcome: 'read' as const,
      reason: null,
    };
    await store.putDocument(
      { ...document, text: 'a '.repeat(count), extractorVersion: 1 },
      Array.from({ length: count }, (_, i) => ({
        ...{ documentHash: hash, index: i, start: 2 * i, end: 2 * i + 2, lineStart: 1, lineEnd: 1 },
        section: '',
        defines: [],
      })),
    );
    const file = { path: name, absolutePath: `/points/${name}`, reason: null, bytes: 1, mtimeMs: 0 };
    const read = { outcome: 'read' as const, hash, tokens: 1, readAs: name, ordinal: first };
    await store.putVersionFiles(version, [{ ...file, ...read }]);
  }
  await store.commitVersion(library.id, version);
  for (;;) {
    const missing = await store.passagesWithoutVector(version, 0, PER_DOCUMENT);
    if (missing.length === 0) return version;
    await store.putPassageVectors(missing.map(({ id }) => ({ id, vector: pack(randomPoint()) })));
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { passages: { type: 'string', default: '50000' }, save: { type: 'boolean', default: false } },
  });
  const dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-nearest-'));
  const store = await openStore({ dataFolder });
  try {
    const version = await fill(store, Number(values.passages));
    const times: number[] = [];
    for (let i = 0; i < QUESTIONS; i++) {
      const begin = performance.now();
      const found = await store.nearestPassages(version, randomPoint(), undefined, FOUND);
      times.push(performance.now() - begin);
      if (found.length !== FOUND) throw new Error(`${String(found.length)} passages were found.`);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): number => Math.round(times[Math.floor(share * times.length)] ?? 0);
    const result = {
      passages: Number(values.passages),
      medianMs: at(0.5),
      p95Ms: at(0.95),
      load: Math.round(loadavg()[0] ?? 0),
    };
    console.log(JSON.stringify(result));
    if (values.save) writeResult('nearest', { environment: environment(), ...result });
  } finally {
    await store.close();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

await main();
