/** The texts of the long measurements: a novel, and the sources of a standard library. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createIngest } from '../src/main/ingest/index.ts';

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../shared/data');

/** Moby-Dick, as `library add` extracts it. @throws Error when the test data is missing */
export async function mobyDick(): Promise<string> {
  const path = join(data, 'epub3-samples/moby-dick.epub');
  if (!existsSync(path))
    throw new Error('The novel is missing: set LONGLEAF_TEST_DATA to the folder of the test data.');
  const ingest = createIngest({ workers: 1 });
  try {
    for await (const entry of ingest.scan([path], { maxFileBytes: 2 ** 30 }))
      return (await ingest.extract(entry)).text;
    throw new Error(`Nothing was found at ${path}.`);
  } finally {
    await ingest.close();
  }
}

/**
 * Python's standard library: its sources one after the other, in the order of their paths, until `characters` are
 * reached.
 * @throws Error when there is no python3
 */
export function standardLibrary(characters: number): string {
  const root = execFileSync('python3', ['-c', "import sysconfig; print(sysconfig.get_paths()['stdlib'])"], {
    encoding: 'utf8',
  }).trim();
  const sources = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.py'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter(
      (path) => !/(^|\/)(site-packages|dist-packages|__pycache__|test|tests|lib2to3\/tests)\//.test(path),
    )
    .sort();
  let text = '';
  for (const path of sources) {
    if (text.length >= characters) break;
    text += `${readFileSync(join(root, path), 'utf8')}\n`;
  }
  return text;
}
