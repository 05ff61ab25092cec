/**
 * The far-reading gate (design section 3): does a state of the library add anything to passages? What was measured of
 * known models stands in resources/models.json; what `bench recall --gate` measured on this machine, of any model and
 * adapter, in the data folder, by the hash of both.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';

const interval = v.tuple([v.number(), v.number()]);

export const farReadingSchema = v.object({
  passed: v.boolean(),
  /** what was measured, in words */
  measure: v.string(),
  difference: v.number(),
  interval95: interval,
  facts: v.number(),
  overall: v.object({ difference: v.number(), interval95: interval, facts: v.number() }),
  conditions: v.string(),
});
export type FarReading = v.InferOutput<typeof farReadingSchema>;

const measuredSchema = v.record(v.string(), farReadingSchema);

function fileOf(dataFolder: string): string {
  return join(dataFolder, 'models', 'far-reading.json');
}

/** What was measured of a model here, or null. A file that is damaged holds nothing: it can be measured again. */
export async function measuredFarReading(dataFolder: string, modelHash: string): Promise<FarReading | null> {
  return (await readAll(dataFolder))[modelHash] ?? null;
}

/** Remembers a measurement; it counts from the next start of the app. */
export async function saveFarReading(
  dataFolder: string,
  modelHash: string,
  measured: FarReading,
): Promise<string> {
  const file = fileOf(dataFolder);
  const all = { ...(await readAll(dataFolder)), [modelHash]: measured };
  await mkdir(join(dataFolder, 'models'), { recursive: true });
  const part = `${file}.${String(process.pid)}.part`;
  await writeFile(part, `${JSON.stringify(all, null, 2)}\n`, { flush: true });
  await rename(part, file);
  return file;
}

async function readAll(dataFolder: string): Promise<Readonly<Record<string, FarReading>>> {
  try {
    return v.parse(measuredSchema, JSON.parse(await readFile(fileOf(dataFolder), 'utf8')));
  } catch {
    return {};
  }
}
