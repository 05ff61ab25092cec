/**
 * Rich Text Format 1.9, read for its text: groups, Unicode and code-page escapes, tables as rows, headings by outline
 * level. Pictures, objects and destinations marked as ignorable are skipped; fields show their result.
 */
import iconv from 'iconv-lite';

import { AppError } from '../../../shared/errors.ts';
import { counted, TextWriter, type Reading } from './reading.ts';

interface Group {
  /** nothing in it is shown */
  skipped: boolean;
  /** which table is being read instead of text */
  table: 'fonts' | 'styles' | 'title' | null;
  /** bytes or characters that stand for those who can't read the `\u` before them */
  fallbacks: number;
  encoding: string;
}

/** destinations without text of the document */
const silent = new Set(
  (
    'colortbl info pict object objdata themedata datastore xmlnstbl listtable listoverridetable revtbl rsidtbl ' +
    'generator fldinst bkmkstart bkmkend header headerl headerr headerf footer footerl footerr footerf ftnsep ftnsepc ' +
    'aftnsep aftnsepc latentstyles filetbl mmathPr shpinst nonshppict'
  ).split(' '),
);
const characters: Readonly<Record<string, string>> = {
  tab: '\t',
  line: '\n',
  emdash: '—',
  endash: '–',
  emspace: ' ',
  enspace: ' ',
  qmspace: ' ',
  bullet: '•',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
};
const charsets: Readonly<Record<number, string>> = {
  0: 'windows-1252',
  77: 'macintosh',
  128: 'shift_jis',
  129: 'cp949',
  134: 'gbk',
  136: 'big5',
  161: 'windows-1253',
  162: 'windows-1254',
  163: 'windows-1258',
  177: 'windows-1255',
  178: 'windows-1256',
  186: 'windows-1257',
  204: 'windows-1251',
  222: 'windows-874',
  238: 'windows-1250',
};
const mostGroups = 10_000;
const token = /\\([a-zA-Z]+)(-?\d{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([\s\S])|([{}])|([^\\{}]+)/g;

/** @throws AppError 'invalid-input' */
export function rtfDocument(bytes: Buffer): Reading {
  const source = bytes.toString('latin1');
  if (!/^\s*\{\\rtf/.test(source))
    throw new AppError('invalid-input', 'It is named .rtf, but is no RTF.', 'Get the file again.');
  return new RtfReader().read(source);
}

class RtfReader {
  readonly #writer = new TextWriter();
  readonly #groups: Group[] = [];
  #group: Group = { skipped: false, table: null, fallbacks: 1, encoding: 'windows-1252' };
  #default = 'windows-1252';
  readonly #fonts = new Map<number, string>();
  #font = 0;
  readonly #styleLevels = new Map<number, number>();
  #style = 0;
  #tableText = '';
  #title = '';
  #paragraph = '';
  #pending: number[] = [];
  /** characters still to be left out after a `\u` */
  #skip = 0;
  #level: number | null = null;
  #inRow = false;
  #afterRow = false;
  #pictures = 0;

  read(source: string): Reading {
    token.lastIndex = 0;
    for (let match = token.exec(source); match !== null; match = token.exec(source)) {
      const [, word, number, hex, symbol, brace, run] = match;
      if (hex !== undefined) this.#byte(parseInt(hex, 16));
      else if (run !== undefined) this.#text(run.replace(/[\r\n\0]/g, ''));
      else if (word === 'bin') token.lastIndex += Math.max(0, Number(number ?? 0));
      else if (word !== undefined) this.#control(word, number === undefined ? null : Number(number));
      else if (brace === '{') this.#open();
      else if (brace === '}') this.#close();
      else if (symbol !== undefined) this.#symbol(symbol);
    }
    this.#endParagraph();
    const { text, sections } = this.#writer.finish();
    const title = this.#title.trim();
    return {
      kind: 'rtf',
      text,
      title: title === '' ? null : title,
      language: null,
      encoding: this.#default,
      sections,
      problems: [],
      notes: this.#pictures === 0 ? [] : [`${counted(this.#pictures, 'picture')} left out`],
    };
  }

  #open(): void {
    this.#flush();
    if (this.#groups.length >= mostGroups)
      throw new AppError('invalid-input', `Its groups are nested more than ${String(mostGroups)} deep.`);
    this.#groups.push(this.#group);
    this.#group = { ...this.#group };
    this.#skip = 0;
  }

  #close(): void {
    this.#flush();
    if (this.#group.table === 'styles') this.#endStyle();
    this.#tableText = '';
    this.#group = this.#groups.pop() ?? this.#group;
    this.#skip = 0;
  }

  #symbol(symbol: string): void {
    if (symbol === '*') this.#group.skipped = true;
    else if (symbol === '~') this.#write('\u00a0');
    else if (symbol === '_') this.#write('-');
    else if (symbol === '\n' || symbol === '\r') this.#endParagraph();
    else if (symbol === '{' || symbol === '}' || symbol === '\\') this.#text(symbol);
  }

  #control(word: string, number: number | null): void {
    if (word === 'u' && number !== null) return this.#unicode(number);
    if (word !== 'uc') this.#flush();
    if (word === 'pict') this.#pictures++;
    if (silent.has(word)) {
      this.#group.skipped = true;
      if (word === 'info') this.#group.table = null;
      return;
    }
    if (word in characters) return this.#text(characters[word] ?? '');
    if (!this.#structure(word)) this.#setting(word, number ?? 0);
  }

  /** @returns whether the word was one of paragraphs, tables or destinations */
  #structure(word: string): boolean {
    if (word === 'par' || word === 'sect' || word === 'page') this.#endParagraph();
    else if (word === 'cell' || word === 'nestcell') this.#paragraph += '\t';
    else if (word === 'row' || word === 'nestrow') this.#endRow();
    else if (word === 'pard') this.#startParagraph();
    else if (word === 'intbl') this.#inRow = true;
    else if (word === 'fonttbl') this.#group.table = 'fonts';
    else if (word === 'stylesheet') this.#group.table = 'styles';
    else if (word === 'title') this.#openTitle();
    else return false;
    return true;
  }

  #setting(word: string, number: number): void {
    if (word === 'ansicpg') this.#setDefault(`windows-${String(number)}`, `cp${String(number)}`);
    else if (word === 'mac') this.#setDefault('macintosh');
    else if (word === 'pc') this.#setDefault('cp437');
    else if (word === 'pca') this.#setDefault('cp850');
    else if (word === 'uc') this.#group.fallbacks = Math.min(16, Math.max(0, number));
    else if (word === 'f') this.#useFont(number);
    else if (word === 'fcharset' && this.#group.table === 'fonts')
      this.#fonts.set(this.#font, charsets[number] ?? this.#default);
    else if (word === 'plain') this.#group.encoding = this.#default;
    else if (word === 's') this.#useStyle(number);
    else if (word === 'outlinelevel') {
      if (this.#group.table === 'styles') this.#styleLevels.set(this.#style, number + 1);
      else this.#level = number + 1;
    }
  }

  #setDefault(...names: readonly string[]): void {
    const known = names.find((name) => iconv.encodingExists(name));
    if (known !== undefined) this.#default = this.#group.encoding = known;
  }

  #useFont(number: number): void {
    this.#font = number;
    if (this.#group.table === null) this.#group.encoding = this.#fonts.get(number) ?? this.#default;
  }

  #useStyle(number: number): void {
    if (this.#group.table === 'styles') this.#style = number;
    else this.#level = this.#styleLevels.get(number) ?? null;
  }

  /** built-in styles keep their English names in every language of Word */
  #endStyle(): void {
    const level = /^heading (\d)/i.exec(this.#tableText.trim())?.[1];
    if (level !== undefined && !this.#styleLevels.has(this.#style))
      this.#styleLevels.set(this.#style, Number(level));
  }

  /** the title is the one thing that is read of `\info` */
  #openTitle(): void {
    if (this.#groups.length > 3) return;
    this.#group.table = 'title';
    this.#group.skipped = false;
  }

  #startParagraph(): void {
    this.#level = null;
    this.#inRow = false;
  }

  #byte(byte: number): void {
    if (this.#skip > 0) this.#skip--;
    else if (!this.#group.skipped) this.#pending.push(byte);
  }

  #unicode(number: number): void {
    this.#flush();
    this.#write(String.fromCharCode(number < 0 ? number + 0x10000 : number));
    this.#skip = this.#group.fallbacks;
  }

  #text(run: string): void {
    this.#flush();
    const dropped = Math.min(this.#skip, run.length);
    this.#skip -= dropped;
    const text = run.slice(dropped);
    // bytes beyond ASCII are not allowed here, and mean the code page all the same
    if (/[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text))
      this.#write(iconv.decode(Buffer.from(text, 'latin1'), this.#group.encoding));
    else this.#write(text);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending);
    this.#pending = [];
    this.#write(iconv.decode(bytes, this.#group.encoding));
  }

  #write(text: string): void {
    if (this.#group.skipped || text === '') return;
    if (this.#group.table === 'title') this.#title += text;
    else if (this.#group.table !== null) this.#tableText += text;
    else this.#paragraph += text;
  }

  #endRow(): void {
    const row = this.#paragraph.replace(/\t+$/, '').replaceAll('\n', ' ');
    this.#paragraph = '';
    this.#writer.add(row, this.#afterRow ? '\n' : '\n\n');
    this.#afterRow = row.trim() !== '';
  }

  #endParagraph(): void {
    this.#flush();
    if (this.#group.skipped || this.#group.table !== null) return;
    if (this.#inRow && this.#paragraph !== '') {
      // a paragraph inside of a cell
      this.#paragraph += ' ';
      return;
    }
    const text = this.#paragraph.trim();
    this.#paragraph = '';
    if (text === '') return;
    if (this.#level !== null && this.#level >= 1 && this.#level <= 9 && text.length <= 300)
      this.#writer.heading(this.#level, text);
    this.#writer.add(text);
    this.#afterRow = false;
  }
}
