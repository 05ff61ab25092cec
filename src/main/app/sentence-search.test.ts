import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { VersionId } from '../../shared/model/index.ts';
import { sentenceModel } from '../engine/testing/test-data.ts';
import { documentOf, hashOf, libraryOf, StoreFixture } from '../store/store.fixture.ts';
import { modelsFolder, readManifest } from './models.ts';
import { choosePassages } from './passages.ts';
import { ReadingGate } from './reading-gate.ts';
import type { SentenceSearchConfig } from './sentence-search.ts';
import { SentenceSearch } from './sentence-search.ts';

const model = sentenceModel();
const fixture = new StoreFixture();
const gate = new ReadingGate();
let version: VersionId;
let notes: string[];
let open: SentenceSearch[];
let busy: boolean;

beforeEach(async () => {
  await fixture.open();
  const book = documentOf(hashOf('a'), [
    'The captain was sleeping in his cabin, and nobody dared to wake him. ',
    'A cheetah ran across the plain behind its prey. ',
    'They sold the vessel and shared the money among the crew. ',
    ...Array.from({ length: 40 }, (_, i) => `Page ${String(i)} of the ledger holds sums of corn and rent. `),
  ]);
  await fixture.store.putDocument(book.document, book.passages);
  ({ version } = await libraryOf(fixture.store, 'main', [['book.txt', hashOf('a')]]));
  notes = [];
  open = [];
  busy = false;
  // the models of whoever runs the tests are found by a link only
  for (const name of ['HOME', 'XDG_DATA_HOME', 'APPDATA']) vi.stubEnv(name, join(fixture.dataFolder, 'home'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const search of open) await search.close();
  await fixture.close();
});

function search(changes: Partial<SentenceSearchConfig> = {}): SentenceSearch {
  const made = new SentenceSearch({
    dataFolder: fixture.dataFolder,
    store: fixture.store,
    gate,
    isBusy: () => busy,
    onNote: (note) => notes.push(note),
    delayMs: 0,
    ...changes,
  });
  open.push(made);
  return made;
}

const modelFolder = (): string => join(modelsFolder(fixture.dataFolder), 'all-minilm-l6-v2');
async function linkModel(): Promise<void> {
  await mkdir(modelsFolder(fixture.dataFolder), { recursive: true });
  await symlink(model.path, modelFolder(), 'junction');
}

const QUESTION = 'Who got a part of the profit when the ship was auctioned?';
const missing = async (): Promise<number> =>
  (await fixture.store.passagesWithoutVector(version, 0, 99)).length;

describe.skipIf(model.missing)(
  `with the sentence model${model.missing ? ' (skipped: the sentence model is not installed)' : ''}`,
  () => {
    beforeEach(linkModel);

    it('finds what is meant where no word is the same, once all passages have their point', async () => {
      const sentences = search();
      expect(await sentences.nearest(version, QUESTION, undefined, 3)).toEqual([]);
      sentences.wake();
      await sentences.idle();
      expect(await missing()).toBe(0);
      const [best, ...others] = await sentences.nearest(version, QUESTION, undefined, 3);
      expect(best).toMatchObject({
        path: 'book.txt',
        text: expect.stringContaining('sold the vessel') as string,
      });
      expect(others).toHaveLength(2);
      expect(await sentences.nearest(version, QUESTION, ['other.txt'], 3)).toEqual([]);
      expect(notes).toEqual([]);
    });

    it('cut off after a batch, another process goes on with what is missing', async () => {
      const written: number[] = [];
      const first = search({
        store: {
          ...fixture.store,
          putPassageVectors: async (vectors) => {
            await fixture.store.putPassageVectors(vectors);
            written.push(vectors.length);
            // as by a kill: what comes after the first batch is lost
            void first.close();
          },
        },
      });
      first.wake();
      await first.idle();
      expect(written).toEqual([32]);
      expect(await missing()).toBe(11);
      const second = search({
        store: {
          ...fixture.store,
          putPassageVectors: (vectors) => {
            written.push(vectors.length);
            return fixture.store.putPassageVectors(vectors);
          },
        },
      });
      second.wake();
      await second.idle();
      expect(written).toEqual([32, 11]);
      expect(await missing()).toBe(0);
      expect(notes).toEqual([]);
    });

    it('waits while an answer is being written, and for a held gate', async () => {
      const sentences = search();
      busy = true;
      gate.hold('battery');
      sentences.wake();
      await new Promise((resolve) => setTimeout(resolve, 100));
      busy = false;
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(await missing()).toBe(43);
      gate.release('battery');
      await sentences.idle();
      expect(await missing()).toBe(0);
    });

    it('the passage is chosen for its meaning beside those with the same words', async () => {
      const sentences = search();
      sentences.wake();
      await sentences.idle();
      const count = ({ text }: { text: string }): number => text.length;
      const choice = { version, question: `${QUESTION} The captain?`, budget: 10_000, limit: 2, count };
      const texts = async (chosen: ReturnType<typeof choosePassages>): Promise<string> =>
        (await chosen).passages.map(({ text }) => text).join('');
      expect(await texts(choosePassages(fixture.store, choice))).not.toContain('sold the vessel');
      const both = await texts(choosePassages(fixture.store, choice, (...q) => sentences.nearest(...q)));
      expect(both).toContain('sold the vessel');
      expect(both).toContain('captain');
      // nothing is found for what the library has no word of, however near something is
      const foreign = { ...choice, question: 'Rumpelstiltskin?' };
      expect(
        (await choosePassages(fixture.store, foreign, (...q) => sentences.nearest(...q))).passages,
      ).toEqual([]);
    });
  },
);

describe('without the sentence model', () => {
  it('nothing is near, nothing is made, and nobody is told about it again and again', async () => {
    const sentences = search();
    sentences.wake();
    await sentences.idle();
    expect(await sentences.nearest(version, QUESTION, undefined, 3)).toEqual([]);
    expect(await missing()).toBe(43);
    expect(notes).toEqual([]);
  });

  it('a model whose files are damaged is named, and the words decide', async () => {
    await mkdir(modelFolder(), { recursive: true });
    for (const { file, bytes } of (await readManifest()).sentenceModel.files) {
      await writeFile(join(modelFolder(), file), 'no');
      await truncate(join(modelFolder(), file), bytes);
    }
    const sentences = search();
    sentences.wake();
    await sentences.idle();
    expect(notes).toEqual([expect.stringMatching(/could not be prepared .*model\.safetensors is damaged/)]);
    expect(await sentences.nearest(version, QUESTION, undefined, 3)).toEqual([]);
    await rm(modelFolder(), { recursive: true });
  });
});
