/** OpenDocument text, presentations and spreadsheets: headings, lists, notes, tables as rows, slides, sheets. */
import { AppError } from '../../../../shared/errors.ts';
import type { Archive } from '../../zip.ts';
import { counted, TextWriter, type Reading } from '../reading.ts';
import { openPackage, picturesIn, readXmlText, titleOf, walkXml, type XmlEvents } from './package.ts';

/** no text of the document itself */
const silent = new Set([
  'tracked-changes',
  'annotation',
  'forms',
  'sequence-decls',
  'title',
  'desc',
  'binary-data',
]);
/** a cell or row that stands for so many equal ones is written so often at most */
const mostRepeated = 64;

/** @throws AppError 'unsupported' when encrypted, 'invalid-input' */
export async function readOdf(bytes: Buffer): Promise<Reading> {
  const archive = await openPackage(bytes);
  await assertReadable(archive);
  const walk = new OdfWalk();
  walkXml(await readXmlText(archive, 'content.xml'), walk);
  const { text, sections } = walk.writer.finish();
  const pictures = picturesIn(archive, 'Pictures/');
  return {
    kind: walk.sheets ? 'data' : 'odf',
    text,
    title: await titleOf(archive, 'meta.xml'),
    language: null,
    encoding: 'odf',
    sections,
    problems: [],
    notes: pictures === 0 ? [] : [`${counted(pictures, 'picture')} left out`],
  };
}

async function assertReadable(archive: Archive): Promise<void> {
  if (!archive.has('content.xml'))
    throw new AppError(
      'invalid-input',
      'It is no OpenDocument: content.xml is missing.',
      'Get the file again.',
    );
  const manifest = 'META-INF/manifest.xml';
  if (archive.has(manifest) && /<(?:\w+:)?encryption-data\b/.test(await readXmlText(archive, manifest)))
    throw new AppError(
      'unsupported',
      'It is locked with a password.',
      'Save a copy without one, then update.',
    );
}

class OdfWalk implements XmlEvents {
  readonly writer = new TextWriter();
  /** a spreadsheet: its rows are lines */
  sheets = false;
  #paragraph = '';
  #heading: number | null = null;
  #silent = 0;
  #list = 0;
  #slide = 0;
  /** of nested tables the innermost row is open */
  readonly #rows: { cells: string[]; cell: string; repeated: number }[] = [];
  #afterRow = false;
  #noteDepth = 0;
  #before = '';

  readonly open = (name: string, attributes: Readonly<Record<string, string>>): void => {
    if (this.#silent > 0 || silent.has(name)) {
      this.#silent++;
      return;
    }
    if (name === 's')
      this.#paragraph += ' '.repeat(Math.min(mostRepeated, Number(attributes['c'] ?? '1') || 1));
    else if (name === 'tab') this.#paragraph += '\t';
    else if (name === 'line-break') this.#paragraph += '\n';
    else if (name === 'h') this.#heading = Number(attributes['outline-level'] ?? '1') || 1;
    else if (name === 'list') this.#list++;
    else if (name === 'note') this.#openNote();
    else if (name === 'spreadsheet') this.sheets = true;
    else if (name === 'page') this.#openSlide();
    else if (name === 'table') this.#openTable(attributes['name'] ?? '');
    else if (name === 'table-row') this.#rows.push({ cells: [], cell: '', repeated: 1 });
    else if (name === 'table-cell' || name === 'covered-table-cell')
      this.#openCell(Number(attributes['number-columns-repeated'] ?? '1') || 1);
  };

  readonly close = (name: string): void => {
    if (this.#silent > 0) {
      this.#silent--;
      return;
    }
    if (name === 'p' || name === 'h') this.#endParagraph();
    else if (name === 'list') this.#list--;
    else if (name === 'note') this.#closeNote();
    else if (name === 'table-cell' || name === 'covered-table-cell') this.#closeCell();
    else if (name === 'table-row') this.#closeRow();
    else if (name === 'note-citation') this.#paragraph = '';
  };

  readonly text = (text: string): void => {
    if (this.#silent === 0) this.#paragraph += text.replace(/[\s]+/g, ' ');
  };

  #openNote(): void {
    if (this.#noteDepth++ > 0) return;
    this.#before = this.#paragraph;
    this.#paragraph = '';
  }

  /** a note stands where its sign is */
  #closeNote(): void {
    if (--this.#noteDepth > 0) return;
    const note = this.#paragraph.trim();
    this.#paragraph = note === '' ? this.#before : `${this.#before} [${note}]`;
  }

  #openSlide(): void {
    this.#slide++;
    this.writer.heading(1, `slide ${String(this.#slide)}`);
  }

  #openTable(name: string): void {
    this.#afterRow = false;
    if (!this.sheets || name === '') return;
    this.writer.heading(1, name);
    this.writer.add(name);
  }

  #openCell(repeated: number): void {
    const row = this.#rows.at(-1);
    if (row !== undefined) Object.assign(row, { cell: '', repeated: Math.min(mostRepeated, repeated) });
  }

  #closeCell(): void {
    const row = this.#rows.at(-1);
    if (row === undefined) return;
    const cell = row.cell.trim();
    for (let count = 0; count < row.repeated; count++) row.cells.push(cell);
    row.cell = '';
    row.repeated = 1;
  }

  #closeRow(): void {
    const row = this.#rows.pop();
    const line = row?.cells.join('\t').trimEnd() ?? '';
    const outer = this.#rows.at(-1);
    if (outer !== undefined) outer.cell += `${line.replaceAll('\t', ' ')} `;
    else if (line !== '') {
      this.writer.add(line, this.#afterRow || this.sheets ? '\n' : '\n\n');
      this.#afterRow = true;
    }
  }

  #endParagraph(): void {
    if (this.#noteDepth > 0) {
      this.#paragraph += ' ';
      return;
    }
    const text = this.#paragraph.trim();
    const heading = this.#heading;
    this.#paragraph = '';
    this.#heading = null;
    const row = this.#rows.at(-1);
    if (row !== undefined) {
      row.cell += `${text.replace(/[\t\n]/g, ' ')} `;
      return;
    }
    if (heading !== null) this.writer.heading(heading, text);
    const bullet = this.#list > 0 && heading === null ? `${'  '.repeat(Math.min(8, this.#list - 1))}- ` : '';
    if (text !== '') this.writer.add(bullet + text, bullet === '' ? '\n\n' : '\n');
    this.#afterRow = false;
  }
}
