/** Where tests find their data (LONGLEAF_TEST_DATA, else `shared/data` beside the repository) and the default model. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const defaultFolder = fileURLToPath(new URL('../../../../../shared/data', import.meta.url));

interface TestFile {
  readonly path: string;
  readonly missing: boolean;
}

export function testData(folder: string): TestFile {
  return testFile(join(process.env['LONGLEAF_TEST_DATA'] ?? defaultFolder, folder));
}

/** LONGLEAF_MODEL, else the default model in the data folder. */
export function defaultModel(): TestFile {
  const dataFolder = process.env['LONGLEAF_DATA'] ?? join(homedir(), '.local/share/longleaf');
  const installed = join(dataFolder, 'models/SmolLM2-135M-Instruct.Q4_1.gguf');
  return testFile(process.env['LONGLEAF_MODEL'] ?? installed);
}

/** The sentence model's folder; it comes with the default model. */
export function sentenceModel(): TestFile {
  const dataFolder = process.env['LONGLEAF_DATA'] ?? join(homedir(), '.local/share/longleaf');
  const folder = join(dataFolder, 'models/all-minilm-l6-v2');
  return { path: folder, missing: !existsSync(join(folder, 'model.safetensors')) };
}

function testFile(path: string): TestFile {
  return { path, missing: !existsSync(path) };
}
