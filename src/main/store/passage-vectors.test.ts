import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { VersionId } from '../../shared/model/index.ts';
import { connect } from './database.ts';
import { databasePaths } from './open.ts';
import { MOST_PASSAGES } from './passage-vectors.ts';
import { documentOf, hashOf, libraryOf, StoreFixture } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

/** as embedding/ packs it: a scale, then a signed byte per dimension */
function packed(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 + values.length);
  bytes.writeFloatLE(1 / 127);
  values.forEach((value, i) => bytes.writeInt8(Math.round(value * 127), 4 + i));
  return bytes;
}

const prose = documentOf(hashOf('a'), ['The ship. ', 'The whale. ', 'The sea. ']);
const more = documentOf(hashOf('b'), ['The inn.']);
let version: VersionId;

beforeEach(async () => {
  for (const { document, passages } of [prose, more]) await fixture.store.putDocument(document, passages);
  ({ version } = await libraryOf(fixture.store, 'main', [
    ['moby.txt', hashOf('a')],
    ['picture.png', null],
    ['inn.txt', hashOf('b')],
  ]));
});

const missing = () => fixture.store.passagesWithoutVector(version, 0, 9);
const near = async (point: number[], documents?: string[], limit = 9) =>
  (await fixture.store.nearestPassages(version, Float32Array.from(point), documents, limit)).map(
    ({ path, text, score }) => [path, text, Math.round(score * 100) / 100],
  );

/** to all passages of moby.txt, and to those of inn.txt */
async function embed(inn: boolean): Promise<void> {
  const points = [[1, 0], [0, 1], [0.6, 0.8], ...(inn ? [[-1, 0]] : [])];
  const texts = await missing();
  await fixture.store.putPassageVectors(
    points.map((point, i) => ({ id: texts[i]?.id ?? -1, vector: packed(point) })),
  );
}

describe('points of passages', () => {
  it('are missing in order, with text and place; what has one is not missing, also after a restart', async () => {
    expect(await missing()).toMatchObject([
      { path: 'moby.txt', section: 'one', text: 'The ship. ' },
      { text: 'The whale. ' },
      { text: 'The sea. ' },
      { path: 'inn.txt', text: 'The inn.' },
    ]);
    const [, second] = await missing();
    expect(await fixture.store.passagesWithoutVector(version, second?.id ?? 0, 1)).toMatchObject([
      { text: 'The sea. ' },
    ]);
    await embed(false);
    await fixture.reopen();
    expect(await missing()).toMatchObject([{ text: 'The inn.' }]);
  });

  it('the nearest come best first, when all have theirs and not before', async () => {
    await embed(false);
    expect(await fixture.store.hasAllVectors(version)).toBe(false);
    expect(await near([0, 1])).toEqual([]);
    // of these documents all have theirs
    expect(await near([0, 1], ['moby.txt'], 2)).toEqual([
      ['moby.txt', 'The whale. ', 1],
      ['moby.txt', 'The sea. ', 0.8],
    ]);
    await fixture.store.putPassageVectors(
      (await missing()).map(({ id }) => ({ id, vector: packed([-1, 0]) })),
    );
    expect(await fixture.store.hasAllVectors(version)).toBe(true);
    expect(await near([1, 0])).toEqual([
      ['moby.txt', 'The ship. ', 1],
      ['moby.txt', 'The sea. ', 0.6],
      ['moby.txt', 'The whale. ', 0],
      ['inn.txt', 'The inn.', -1],
    ]);
    expect(await near([1, 0], ['inn.txt'])).toEqual([['inn.txt', 'The inn.', -1]]);
  });

  it('go with their passages; one that is gone gets none', async () => {
    await embed(true);
    const anew = documentOf(hashOf('a'), ['Another text.']);
    await fixture.store.putDocument({ ...anew.document, extractorVersion: 2 }, anew.passages);
    expect(await missing()).toMatchObject([{ text: 'Another text.' }]);
    await fixture.store.putPassageVectors([{ id: 999_999, vector: packed([1, 0]) }]);
    expect(await fixture.store.health()).toMatchObject({ integrity: 'ok' });
  });
});

it('a version with more passages than may be compared has none, and says so quickly', async () => {
  const db = connect(databasePaths(fixture.dataFolder).file);
  const content = db.prepare('SELECT content_id FROM passages LIMIT 1').pluck().get();
  const insert = db.prepare(
    `INSERT INTO passages (content_id, ordinal, start_offset, end_offset, line_start, line_end, section, defines)
     VALUES (?, ?, 0, 1, 1, 1, '', '[]')`,
  );
  db.transaction(() => {
    for (let i = 0; i < MOST_PASSAGES; i++) insert.run(content, 10 + i);
  })();
  db.close();
  expect(await missing()).toEqual([]);
  expect(await fixture.store.hasAllVectors(version)).toBe(false);
  expect(await near([1, 0])).toEqual([]);
});
