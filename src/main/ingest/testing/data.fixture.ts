/** Where test data lies, and the extraction of a single file in this thread. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { extractDocument } from '../extract/document.ts';
import { formatOf } from '../kinds.ts';
import type { ExtractedDocument } from '../types.ts';

export const data = resolve(
  process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'),
);

export function has(path: string): boolean {
  return existsSync(resolve(data, path));
}

/** @param path below the test data, or absolute */
export function read(path: string): Promise<ExtractedDocument> {
  const absolutePath = resolve(data, path);
  return extractDocument(
    { absolutePath, kind: formatOf(absolutePath), member: null, encoding: null },
    () => undefined,
  );
}

/** a file of this name and content, in a folder that is gone afterwards */
export async function readText(name: string, content: string | Buffer): Promise<ExtractedDocument> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-format-'));
  try {
    writeFileSync(join(folder, name), content);
    return await read(join(folder, name));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** heading paths with the text under them */
export function outline({ text, sections }: ExtractedDocument): [string, string][] {
  return sections.map(({ start, end, headings }) => [headings.join(' > '), text.slice(start, end).trim()]);
}
