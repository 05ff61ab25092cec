/** The report of a library as a file. */
import type { LibraryFile } from '../../../shared/model/index.ts';

interface ReportFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly encoding: 'utf8';
  readonly content: string;
}

const COLUMNS = ['path', 'outcome', 'reason', 'bytes', 'tokens'] as const;

/** RFC 4180, with a byte order mark: spreadsheets take it for UTF-8 then. */
export function reportCsv(name: string, files: readonly LibraryFile[]): ReportFile {
  const rows = files.map((file) => COLUMNS.map((column) => cell(file[column])).join(','));
  const content = `\ufeff${[COLUMNS.join(','), ...rows].join('\r\n')}\r\n`;
  return { fileName: `${safe(name)}.csv`, mediaType: 'text/csv', encoding: 'utf8', content };
}

export function reportJson(name: string, files: readonly LibraryFile[]): ReportFile {
  const list = files.map((file) => Object.fromEntries(COLUMNS.map((column) => [column, file[column]])));
  const content = `${JSON.stringify({ library: name, files: list }, null, 2)}\n`;
  return { fileName: `${safe(name)}.json`, mediaType: 'application/json', encoding: 'utf8', content };
}

/** A cell that begins like a formula would be run by a spreadsheet: file names are not ours. */
function cell(value: string | number | null): string {
  const text = String(value ?? '');
  const inert = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

function safe(name: string): string {
  return name.replaceAll(/[\u0000-\u001f<>:"/\\|?*]/g, '_').slice(0, 100) || 'library';
}
