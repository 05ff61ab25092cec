/** What the terminal gets: results on stdout, everything else on stderr. */
import { AppError } from '../../shared/errors.ts';

/**
 * Text that comes from files, models or other programs, safe to show: a document must not be able to move the
 * cursor, set the title or reverse the reading direction of the user's terminal.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => (character === '\r' ? '' : '\ufffd'),
  );
}

export interface Output {
  /** a line of the result */
  line(text?: string): void;
  /** a piece of the result, as it comes */
  write(text: string): void;
  /** the result for programs: one JSON object or, in a stream, one per line */
  json(value: unknown): void;
  /** something worth knowing that is not the result */
  note(text: string): void;
}

export function createOutput(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): Output {
  return {
    line: (text = '') => void stdout.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    json: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
  };
}

/** The error shape of the whole program: what happened, and what to do. */
export function formatError(error: unknown): string {
  if (error instanceof AppError) {
    const hint = error.hint === undefined ? '' : `\nhint: ${printable(error.hint)}`;
    return `error: ${printable(error.message)}${hint}`;
  }
  const message = error instanceof Error ? error.message : String(error);
  const stack = process.env['LONGLEAF_DEBUG'] && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  return `error: ${printable(message)}\nhint: This should not have happened; LONGLEAF_DEBUG=1 shows where. Nothing that was saved is lost.${stack}`;
}

/** 12345 -> "12,345" */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** bytes in the largest unit that leaves a number of at least 1 */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** 3725 s -> "1:02:05"; below a minute "12.3 s" */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const pad = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** "1 file", "2 files" */
export function plural(value: number, word: string): string {
  return `${count(value)} ${word}${value === 1 ? '' : 's'}`;
}

/** Rows with aligned columns; numbers (given as strings) on the right when `right` names their column. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
