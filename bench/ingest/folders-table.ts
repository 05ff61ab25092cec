/** How the files of real folders end, as a table of docs/benchmarks.md. */
import * as v from 'valibot';
import { conditions, count, measured } from '../report-parts.ts';

export const folderRun = v.object({
  files: v.number(),
  megabytes: v.number(),
  counts: v.object({ read: v.number(), partly: v.number(), refused: v.number(), skipped: v.number() }),
  contextTokens: v.number(),
  peakMemoryMB: v.number(),
  add: v.object({ seconds: v.number(), cpuSeconds: v.number() }),
  again: v.object({ seconds: v.number(), cpuSeconds: v.number() }),
});
export const foldersSchema = v.object({ environment: measured, folders: v.record(v.string(), folderRun) });

export function foldersTable(json: unknown): string[] {
  const { folders, environment } = v.parse(foldersSchema, json);
  const rows = Object.entries(folders).map(
    ([name, { files, counts, megabytes, contextTokens, peakMemoryMB, add, again }]) =>
      `| ${name} | ${count(files)}: ${count(counts.read)} read, ${count(counts.partly)} partly, ${count(counts.refused)} refused, ${count(counts.skipped)} skipped | ${count(Math.round(megabytes))}; ${count(contextTokens)} | ${count(peakMemoryMB)} | ${add.cpuSeconds}; ${add.seconds} | ${again.cpuSeconds}; ${again.seconds} |`,
  );
  return [
    '| folder | files and folders listed | MB read; tokens | peak memory, MB | `library add`: s of processor time; by the clock | second run: the same |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    conditions(environment),
  ];
}
