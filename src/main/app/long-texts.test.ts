/** A text of more than 16 MB on its way from the disk into the index: interrupted, taken up again, found in place. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createIngest, extractorVersion } from '../ingest/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { filesBefore, indexVersion, planBuild } from './library-build.ts';

const tokenizer = {
  kind: 'bpe' as const,
  fingerprint: 'lengths',
  encode: (text: string) => Int32Array.of(text.length),
};

it(
  'is indexed piece by piece; what was done before an interruption is not done again',
  { timeout: 300_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longleaf-long-'));
    const files = join(folder, 'files');
    await mkdir(files);
    const lines = 520_000;
    const text = Array.from({ length: lines }, (_, i) =>
      i === lines - 2 ? 'The zyzzyva sleeps here.\r\n' : `Line ${String(i + 1)} of a long log, né.\r\n`,
    ).join('');
    await writeFile(join(files, 'long.log'), text);
    await writeFile(join(files, 'copy.log'), text);
    const store = await openStore({ dataFolder: join(folder, 'data') });
    const ingest = createIngest();
    try {
      const library = await store.createLibrary({ name: 'long', roots: [files], read: 'never' });
      const config = { store, ingest, extractorVersion, maxFileBytes: 2 ** 28 };
      const model = { tokenizer: tokenizer as unknown as Parameters<typeof indexVersion>[2]['tokenizer'] };
      const run = async (signal: AbortSignal, counted: Store = store): Promise<number> => {
        const before = await filesBefore(store, library);
        const plan = await planBuild(config, library, before, {}, () => undefined, signal);
        const { tokens } = await indexVersion(
          { ...config, store: counted },
          library,
          model,
          plan,
          before,
          () => undefined,
          signal,
        );
        return tokens;
      };
      const starts: number[] = [];
      const stop = new AbortController();
      const counting: Store = {
        ...store,
        putPiece: async (hash, piece, ...rest) => {
          await store.putPiece(hash, piece, ...rest);
          starts.push(piece.start);
          if (starts.length === 2) stop.abort();
        },
      };
      await expect(run(stop.signal, counting)).rejects.toMatchObject({ code: 'interrupted' });
      expect(starts).toHaveLength(2);
      const tokens = await run(new AbortController().signal, counting);
      // each piece once, in order, also of the copy
      expect(starts.toSorted((a, b) => a - b)).toEqual(starts);
      expect(new Set(starts).size).toBe(starts.length);
      const normalised = text.replaceAll('\r\n', '\n');
      const version = (await store.library('long'))?.versionId;
      if (version === null || version === undefined) throw new Error('no version');
      const rows = await store.versionFiles(version);
      expect(rows.map(({ outcome }) => outcome)).toEqual(['read', 'read']);
      expect(rows[0]?.hash).toBe(rows[1]?.hash);
      const ids = await store.tokens(rows[0]?.hash ?? ('' as never), tokenizer.fingerprint);
      expect(ids?.reduce((sum, length) => sum + length, 0)).toBe(normalised.length);
      expect(tokens).toBe(ids?.length);
      const [hit] = await store.searchDocuments(version, 'zyzzyva', { limit: 2, offset: 0 });
      expect(hit).toMatchObject({ line: lines - 1 });
      const slice = await store.documentSlice(rows[0]?.hash ?? ('' as never), hit?.start ?? 0, 100);
      expect(slice).toMatchObject({ length: normalised.length, lines });
      expect(slice?.text).toBe(
        normalised.slice(slice?.from ?? 0, (slice?.from ?? 0) + (slice?.text.length ?? 0)),
      );
    } finally {
      await ingest.close();
      await store.close();
      await rm(folder, { recursive: true });
    }
  },
);
