/** Where tests find their data: LONGLEAF_TEST_DATA, else `shared/data` beside the repository. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const defaultFolder = fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

export function testData(folder: string): { readonly path: string; readonly missing: boolean } {
  const path = join(process.env['LONGLEAF_TEST_DATA'] ?? defaultFolder, folder);
  return { path, missing: !existsSync(path) };
}
