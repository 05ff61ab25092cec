/** What taking in files costs, as tables of docs/benchmarks.md. */
import * as v from 'valibot';
import { conditions, count, measured } from '../report-parts.ts';

const look = v.object({ seconds: v.number(), cpuSeconds: v.number(), wallSeconds: v.optional(v.number()) });
export const secondScan = v.object({
  ...look.entries,
  peakMemoryMB: v.number(),
  /** the file cache emptied before; null: not measured */
  cold: v.optional(v.nullable(look), null),
  /** where bench/second-scan.ts measured it by itself */
  measured: v.optional(measured),
});
export type SecondScan = v.InferInput<typeof secondScan>;

export const ingestRun = v.object({
  /** programs that wanted a core at the end */
  load: v.number(),
  files: v.number(),
  megabytes: v.number(),
  peakMemoryMB: v.number(),
  add: v.object({
    seconds: v.number(),
    cpuSeconds: v.number(),
    filesPerSecond: v.number(),
    megabytesPerCpuSecond: v.number(),
  }),
  again: secondScan,
  scanAndExtract: v.object({ cpuSeconds: v.number(), megabytesPerCpuSecond: v.number() }),
  /** files that are plain text, alone; null: not measured */
  plainText: v.optional(v.nullable(v.object({ megabytesPerCpuSecond: v.number() })), null),
  rawRead: v.object({ megabytesPerCpuSecond: v.number() }),
});
export const ingestSchema = v.object({
  environment: measured,
  runs: v.array(ingestRun),
  pdf: v.nullable(
    v.object({ files: v.number(), megabytes: v.number(), ourSeconds: v.number(), theirSeconds: v.number() }),
  ),
  tokenizers: v.nullable(
    v.object({
      version: v.string(),
      megabytes: v.number(),
      ourTokens: v.number(),
      theirTokens: v.number(),
      ourCpuSeconds: v.number(),
      theirCpuSeconds: v.number(),
    }),
  ),
});

export type IngestResult = v.InferOutput<typeof ingestSchema>;

export function ingestTable(json: unknown): string[] {
  const { runs, pdf, tokenizers, environment } = v.parse(ingestSchema, json);
  const row = (what: string, cell: (one: v.InferOutput<typeof ingestRun>) => string): string =>
    `| ${what} | ${runs.map(cell).join(' | ')} |`;
  const peers: string[] = [];
  if (tokenizers !== null) {
    const speed = (seconds: number): string => (tokenizers.megabytes / seconds).toFixed(1);
    peers.push(
      `Token ids of a book: ${speed(tokenizers.ourCpuSeconds)} MB/s, \`tokenizers\` ${tokenizers.version} ${speed(tokenizers.theirCpuSeconds)} MB/s (${count(tokenizers.ourTokens)} and ${count(tokenizers.theirTokens)} ids).`,
    );
  }
  if (pdf !== null)
    peers.push(
      `Text of ${pdf.files} PDFs, ${pdf.megabytes.toFixed(0)} MB: ${pdf.ourSeconds.toFixed(1)} s, pdftotext ${pdf.theirSeconds.toFixed(1)} s, by the clock.`,
    );
  const scans = runs.flatMap(({ files, again }) =>
    again.measured === undefined
      ? []
      : [
          `Second scan of ${count(files)} files: ${again.measured.date.slice(0, 10)} at ${again.measured.commit}.`,
        ],
  );
  return [
    row('files, MB', ({ files, megabytes }) => `${count(files)}, ${count(Math.round(megabytes))}`),
    `|---|${'---|'.repeat(runs.length)}`,
    row('scan, extraction, passages: MB per s of processor time', (one) =>
      String(one.scanAndExtract.megabytesPerCpuSecond),
    ),
    row('plain text alone', ({ plainText }) => String(plainText?.megabytesPerCpuSecond ?? '–')),
    row('with index and tokens', ({ add }) => String(add.megabytesPerCpuSecond)),
    row('reading the bytes, nothing else', ({ rawRead }) => count(rawRead.megabytesPerCpuSecond)),
    row('`library add`: s of processor time; by the clock', ({ add }) => `${add.cpuSeconds}; ${add.seconds}`),
    row('files a second, by the clock', ({ add }) => String(add.filesPerSecond)),
    row('peak memory, MB', ({ peakMemoryMB }) => count(peakMemoryMB)),
    row(
      'second scan, nothing to do: s of processor time; by the clock',
      ({ again }) => `${again.cpuSeconds}; ${again.seconds}`,
    ),
    row('the same with an empty file cache', ({ again: { cold } }) =>
      cold === null ? '–' : `${cold.cpuSeconds}; ${cold.seconds}`,
    ),
    '',
    `${peers.join(' ')} Programs that wanted a core meanwhile: ${runs.map(({ load }) => load).join(', ')}. ${[conditions(environment), ...scans].join(' ')}`,
  ];
}
