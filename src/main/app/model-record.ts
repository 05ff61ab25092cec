/** What is remembered of a model file since it came: beside it, as NAME.gguf.json. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import * as v from 'valibot';

const recordSchema = v.object({
  /** of the file when it was checked */
  sha256: v.string(),
  /** where it came from: address, path or package */
  source: v.string(),
});
export type ModelRecord = v.InferOutput<typeof recordSchema>;

/** A record that can't be written costs a comparison later, and is no reason to refuse the model. */
export async function writeRecord(modelPath: string, record: ModelRecord): Promise<void> {
  await writeFile(recordPath(modelPath), `${JSON.stringify(record, null, 2)}\n`).catch(() => undefined);
}

/** null: none was kept (a file that was put into the folder by hand) */
export async function readRecord(modelPath: string): Promise<ModelRecord | null> {
  try {
    return v.parse(recordSchema, JSON.parse(await readFile(recordPath(modelPath), 'utf8')));
  } catch {
    return null;
  }
}

export async function removeRecord(modelPath: string): Promise<void> {
  await rm(recordPath(modelPath), { force: true });
}

function recordPath(modelPath: string): string {
  return `${modelPath}.json`;
}
