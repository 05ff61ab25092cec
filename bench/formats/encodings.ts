/**
 * Encodings: how many texts of the chardet corpus come out of extraction exactly as their encoding says.
 *
 *   node boot.mjs run bench/formats/encodings.ts [--out FILE.json]
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import iconv from 'iconv-lite';

import { createIngest, type ScanEntry } from '../../src/main/ingest/index.ts';
import { environment } from '../environment.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const { values } = parseArgs({ options: { out: { type: 'string' } } });
if (!existsSync(join(data, 'chardet'))) {
  console.error(`skipped: needs ${join(data, 'chardet')}`);
  process.exit(0);
}
const ingest = createIngest({ workers: 1 });
const files = readdirSync(join(data, 'chardet'), { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.includes('/') && statSync(join(data, 'chardet', name)).isFile(),
);
let [exact, compared] = [0, 0];
const others: { file: string; encoding: string }[] = [];
for (const file of files) {
  const truth = trueText(file);
  // two Korean encodings that the oracle does not know
  if (truth === null) continue;
  const path = join(data, 'chardet', file);
  const { text, encoding } = await ingest.extract(entryOf(path));
  compared++;
  if (text === truth) exact++;
  else others.push({ file, encoding });
}
await ingest.close();
const result = {
  name: 'formats-encodings',
  ...environment(),
  files: compared,
  exact,
  share: exact / compared,
  others,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
console.log(JSON.stringify(result));

function entryOf(path: string): ScanEntry {
  const { size, mtimeMs } = statSync(path);
  return { path, absolutePath: path, bytes: size, mtimeMs, kind: 'text', outcome: null, reason: null };
}

/** the folder's name is the encoding */
function trueText(file: string): string | null {
  const folder = (file.split('/')[0] ?? '').toLowerCase().replace(/^(iso-8859-\d+|windows-\d+).*/, '$1');
  const name = { 'utf-8-sig': 'utf-8', gb2312: 'gb18030', 'euc-kr': 'cp949' }[folder] ?? folder;
  if (!iconv.encodingExists(name)) return null;
  const text = iconv.decode(readFileSync(join(data, 'chardet', file)), name);
  return text
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n')
    .replaceAll('\0', '\ufffd')
    .toWellFormed();
}
