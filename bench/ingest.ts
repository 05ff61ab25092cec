/**
 * Taking in many files (issue 5): `longleaf bench ingest` on a generated folder. With --save the run is kept beside those
 * of other sizes, so that what grows faster than the files is seen; with --peers also what others take for one part of
 * it: pdftotext for PDFs, the `tokenizers` package for token ids (the same vocabulary and merges, from the model's file).
 *
 *   node boot.mjs run bench/ingest.ts [--files 100000] [--bytes 10000] [--peers] [--save]
 *
 * Beside the folder (files x bytes) it needs twice as much disk for the index. Speeds are MB of files per second of
 * processor time.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import * as v from 'valibot';
import { benchModel, environment, writeResult } from './environment.ts';
import { writeCorpus } from './ingest/corpus.ts';
import { ingestRun, ingestSchema, type IngestResult } from './ingest/table.ts';
import { pdfNextToPdftotext, tokensNextToTokenizers } from './ingest/peers.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const testData = process.env['LONGLEAF_TEST_DATA'] ?? join(root, '../shared/data');

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '10000' },
    peers: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const model = await benchModel();
const book = join(testData, 'epub3-samples/moby-dick.epub');
const folder = mkdtempSync(join(tmpdir(), 'longleaf-ingest-'));
try {
  const before = known();
  const run = await measured();
  console.log(JSON.stringify(run, null, 1));
  const others = before.runs.filter(({ files }) => files !== run.files);
  const result = {
    environment: environment(),
    runs: [...others, run].sort((a, b) => a.files - b.files),
    pdf: values.peers ? await pdfNextToPdftotext(join(testData, 'pdfjs')) : before.pdf,
    tokenizers: values.peers ? await tokensNextToTokenizers(model.path, book, folder) : before.tokenizers,
  };
  if (values.save) writeResult('ingest', result);
  else console.log(JSON.stringify([result.pdf, result.tokenizers]));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function known(): Pick<IngestResult, 'runs' | 'pdf' | 'tokenizers'> {
  const file = join(import.meta.dirname, 'results/ingest.json');
  if (!existsSync(file)) return { runs: [], pdf: null, tokenizers: null };
  return v.parse(ingestSchema, JSON.parse(readFileSync(file, 'utf8')));
}

async function measured(): Promise<IngestResult['runs'][number]> {
  const files = join(folder, 'files');
  await writeCorpus(files, { files: Number(values.files), bytes: Number(values.bytes) }, book);
  const program = [join(root, 'src/main/cli.ts'), 'bench', 'ingest', files, '--json', '--model', model.path];
  const { stdout } = await promisify(execFile)(process.execPath, program, { maxBuffer: 2 ** 24 });
  const load = Math.round(loadavg()[0] ?? 0);
  return v.parse(ingestRun, { ...v.parse(v.record(v.string(), v.unknown()), JSON.parse(stdout)), load });
}
