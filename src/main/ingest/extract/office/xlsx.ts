/** Excel: sheets as sections, a row a line with tabs between its cells; dates, times and percentages as shown. */
import { AppError } from '../../../../shared/errors.ts';
import type { Archive } from '../../zip.ts';
import { TextWriter, type Alive, type Reading } from '../reading.ts';
import { shownNumber, type NumberFormat } from './cell-number.ts';
import { openPackage, readXmlText, relationsOf, titleOf, walkXml } from './package.ts';
import { readNumberFormats, readSharedStrings } from './xlsx-parts.ts';

const workbook = 'xl/workbook.xml';
/** empty cells in a row that are written */
const mostGap = 64;
const mostCharacters = 64 * 2 ** 20;

interface Book {
  readonly strings: readonly string[];
  readonly formats: readonly NumberFormat[];
  /** days count from 1904 instead of 1900 */
  readonly from1904: boolean;
}

/** @throws AppError 'unsupported', 'invalid-input' */
export async function readXlsx(bytes: Buffer, alive: Alive): Promise<Reading> {
  const archive = await openPackage(bytes);
  if (!archive.has(workbook))
    throw new AppError(
      'invalid-input',
      `It is no spreadsheet: ${workbook} is missing.`,
      'Get the file again.',
    );
  const { sheets, from1904 } = await readWorkbook(archive);
  const strings = await readSharedStrings(archive);
  const book: Book = { strings, formats: await readNumberFormats(archive), from1904 };
  const writer = new TextWriter();
  const problems: string[] = [];
  for (const { name, part } of sheets) {
    try {
      addSheet(name, await readXmlText(archive, part), book, writer);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push(`sheet ${name}: ${error.message}`);
    }
    alive();
  }
  const { text, sections } = writer.finish();
  return {
    kind: 'data',
    text,
    title: await titleOf(archive, 'docProps/core.xml'),
    language: null,
    encoding: 'xlsx',
    sections,
    problems,
    notes: [],
  };
}

async function readWorkbook(
  archive: Archive,
): Promise<{ sheets: readonly { name: string; part: string }[]; from1904: boolean }> {
  const relations = await relationsOf(archive, workbook);
  const sheets: { name: string; part: string }[] = [];
  let from1904 = false;
  walkXml(await readXmlText(archive, workbook), {
    open: (element, { name = '', id = '', date1904 }) => {
      if (element === 'workbookPr') from1904 = date1904 === '1' || date1904 === 'true';
      const relation = element === 'sheet' ? relations.get(id) : undefined;
      if (relation?.type === 'worksheet') sheets.push({ name, part: relation.target });
    },
  });
  return { sheets, from1904 };
}

function addSheet(name: string, source: string, book: Book, writer: TextWriter): void {
  writer.heading(1, name);
  const rows = sheetRows(source, book);
  if (rows.length === 0) return;
  writer.add(name);
  for (const row of rows) {
    writer.add(row, '\n');
    if (writer.length > mostCharacters)
      throw new AppError('invalid-input', `its text is longer than ${String(mostCharacters)} characters`);
  }
}

function sheetRows(source: string, book: Book): readonly string[] {
  const rows: string[] = [];
  let cells: string[] = [];
  let cell = { column: 0, type: '', style: 0 };
  let value = '';
  let reads = false;
  walkXml(source, {
    open: (name, attributes) => {
      if (name === 'row') cells = [];
      else if (name === 'c') {
        const column = columnOf(attributes['r'] ?? '') ?? cells.length;
        cell = { column, type: attributes['t'] ?? 'n', style: Number(attributes['s'] ?? '0') };
        value = '';
      } else if (name === 'v' || name === 't') reads = true;
      else if (name === 'rPh') reads = false;
    },
    text: (text) => {
      if (reads) value += text;
    },
    close: (name) => {
      if (name === 'v' || name === 't') reads = false;
      else if (name === 'c' && value !== '') {
        const gap = Math.min(mostGap, cell.column - cells.length);
        for (let count = 0; count < gap; count++) cells.push('');
        cells.push(shown(value, cell, book).replace(/[\t\r\n]+/g, ' '));
      } else if (name === 'row' && cells.length > 0) rows.push(cells.join('\t'));
    },
  });
  return rows;
}

/** `AB12` is column 27; null without letters */
function columnOf(reference: string): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference)?.[0];
  if (letters === undefined) return null;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function shown(value: string, { type, style }: { type: string; style: number }, book: Book): string {
  if (type === 's') return book.strings[Number(value)] ?? '';
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE';
  if (type !== 'n') return value;
  return shownNumber(value, book.formats[style] ?? 'general', book.from1904);
}
