/** The report of a library as a file: what became of every document, with the reason. */
import type { LibraryFile } from './model/index.ts';

export const reportFormats = ['csv', 'json', 'md'] as const;
export type ReportFormat = (typeof reportFormats)[number];

export interface ReportFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly encoding: 'utf8';
  readonly content: string;
}

const COLUMNS = ['path', 'outcome', 'reason', 'bytes', 'tokens'] as const;
const MEDIA_TYPES = { csv: 'text/csv', json: 'application/json', md: 'text/markdown' } as const;
const CONTENT = { csv: csvOf, json: jsonOf, md: markdownOf } as const;

export function reportFile(name: string, files: readonly LibraryFile[], format: ReportFormat): ReportFile {
  return {
    fileName: `${safe(name)}.${format}`,
    mediaType: MEDIA_TYPES[format],
    encoding: 'utf8',
    content: CONTENT[format](name, files),
  };
}

/** RFC 4180, with a byte order mark: spreadsheets take it for UTF-8 then. */
function csvOf(_name: string, files: readonly LibraryFile[]): string {
  const rows = files.map((file) => COLUMNS.map((column) => csvCell(file[column])).join(','));
  return `\ufeff${[COLUMNS.join(','), ...rows].join('\r\n')}\r\n`;
}

function jsonOf(name: string, files: readonly LibraryFile[]): string {
  const list = files.map((file) => Object.fromEntries(COLUMNS.map((column) => [column, file[column]])));
  return `${JSON.stringify({ library: name, counts: countsOf(files), files: list }, null, 2)}\n`;
}

/** The counts, and what was not read in full before the rest. */
function markdownOf(name: string, files: readonly LibraryFile[]): string {
  const counts = countsOf(files);
  const order = (['refused', 'partly', 'skipped', 'read'] as const).filter((outcome) => counts[outcome] > 0);
  const parts = order.map((outcome) => {
    const rows = files
      .filter((file) => file.outcome === outcome)
      .map(
        (file) =>
          `| ${COLUMNS.filter(isShown)
            .map((column) => markdownCell(file[column]))
            .join(' | ')} |`,
      );
    const head = `| ${COLUMNS.filter(isShown).join(' | ')} |\n|---|---|--:|--:|`;
    return `## ${outcome} (${String(counts[outcome])})\n\n${[head, ...rows].join('\n')}\n`;
  });
  const sum = (['read', 'partly', 'refused', 'skipped'] as const)
    .map((outcome) => `${String(counts[outcome])} ${outcome}`)
    .join(', ');
  return `# ${markdownCell(name)}\n\n${String(files.length)} files: ${sum}\n\n${parts.join('\n')}`;
}

function isShown(column: (typeof COLUMNS)[number]): boolean {
  return column !== 'outcome';
}

function countsOf(files: readonly LibraryFile[]): Record<LibraryFile['outcome'], number> {
  const counts = { read: 0, partly: 0, refused: 0, skipped: 0 };
  for (const { outcome } of files) counts[outcome] += 1;
  return counts;
}

/** A cell that begins like a formula would be run by a spreadsheet: file names are not ours. */
function csvCell(value: string | number | null): string {
  const text = String(value ?? '');
  const inert = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** Nothing in a name is markup, and no cell ends early. */
function markdownCell(value: string | number | null): string {
  return String(value ?? '')
    .replaceAll(/[\r\n]+/g, ' ')
    .replaceAll(/[\\`*_{}[\]<>#|~!&]/g, (character) => `\\${character}`);
}

function safe(name: string): string {
  return name.replaceAll(/[\u0000-\u001f<>:"/\\|?*]/g, '_').slice(0, 100) || 'library';
}
