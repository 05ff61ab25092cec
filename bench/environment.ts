/** Where and with what a measurement was made: a figure without them cannot be repeated. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultDataFolder, resolveModel } from '../src/main/app/models.ts';
import type { BenchModel } from '../src/main/bench/index.ts';
import { sha256File } from '../src/main/formats/index.ts';

export { environment } from './machine.ts';

/** What of the processor decides which kernels run: its vector and matrix extensions. Empty where the system does not tell. */
export function cpuFlags(): string[] {
  if (process.platform !== 'linux') return [];
  const [, flags = ''] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8')) ?? [];
  return flags.split(' ').filter((flag) => /^(avx|amx|fma|f16c|sse4|asimd|i8mm|bf16|sve)/.test(flag));
}

/** LONGLEAF_MODEL, else the default model of the data folder. */
export async function benchModel(): Promise<BenchModel> {
  const model = await resolveModel(defaultDataFolder(), process.env['LONGLEAF_MODEL']);
  return { id: model.id, path: model.path, hash: model.known?.sha256 ?? (await sha256File(model.path)) };
}

const results = join(import.meta.dirname, 'results');

/** What bench/results/NAME.json holds; null: nothing yet. */
export function readResult(name: string): unknown {
  const file = join(results, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as unknown) : null;
}

/** Writes bench/results/NAME.json and says where. */
export function writeResult(name: string, value: object): void {
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
  console.log(`written: bench/results/${name}.json`);
}
