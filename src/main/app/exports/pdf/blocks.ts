/** Markdown as blocks on a sheet. What is not known here is set as plain text: nothing is left out. */
import { imageText, isSafeLink, type Token } from '../../../../shared/markdown/index.ts';
import type { Style } from './font-library.ts';
import type { Span } from './lines.ts';
import { ink2, ink3, pine, type Sheet, type TextLook } from './sheet.ts';

const body: TextLook = { size: 10.5, leading: 16.5 };
const code: TextLook = { size: 8.5, leading: 13, ground: true, keep: true };
const table: TextLook = { size: 9, leading: 13.5 };
const headings: Readonly<Record<string, TextLook>> = {
  h1: { size: 14, leading: 20 },
  h2: { size: 12.5, leading: 18 },
};
const step = 20;
/** deeper lists and quotations would leave no room for words */
const deepest = 8;

interface List {
  next: number | null;
}

/** Draws the tokens of one message; `pause` is awaited between blocks. */
export async function drawBlocks(
  sheet: Sheet,
  tokens: readonly Token[],
  pause: () => Promise<void>,
): Promise<void> {
  const walk = new Walk(sheet);
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token === undefined) continue;
    if (token.type === 'table_open') index = drawTable(sheet, tokens, index, walk.indent);
    else walk.take(token);
    await pause();
  }
}

class Walk {
  readonly #sheet: Sheet;
  readonly #lists: List[] = [];
  #quotes = 0;
  #heading: string | null = null;
  #marker: string | null = null;
  #tight = false;

  constructor(sheet: Sheet) {
    this.#sheet = sheet;
  }

  get indent(): number {
    return Math.min(deepest, this.#lists.length + this.#quotes) * step;
  }

  take(token: Token): void {
    switch (token.type) {
      case 'bullet_list_open':
        this.#lists.push({ next: null });
        break;
      case 'ordered_list_open':
        this.#lists.push({ next: Number(token.attrGet('start') ?? 1) });
        break;
      case 'bullet_list_close':
      case 'ordered_list_close':
        this.#lists.pop();
        if (this.#lists.length === 0) this.#sheet.space(6);
        break;
      case 'list_item_open':
        this.#marker = this.#nextMarker();
        break;
      case 'blockquote_open':
        this.#quotes++;
        break;
      case 'blockquote_close':
        this.#quotes--;
        break;
      case 'heading_open':
        this.#heading = token.tag;
        break;
      case 'heading_close':
        this.#heading = null;
        break;
      case 'paragraph_open':
        this.#tight = token.hidden;
        break;
      case 'inline':
        this.#inline(token);
        break;
      case 'fence':
      case 'code_block':
        this.#code(token.content);
        break;
      case 'hr':
        this.#sheet.space(8);
        this.#sheet.rule(this.indent);
        this.#sheet.space(10);
        break;
      default:
        if (token.content !== '') this.#inlineText([{ text: token.content, style: 'text' }], body);
    }
  }

  #inline(token: Token): void {
    if (this.#heading !== null) {
      const look = headings[this.#heading] ?? { size: 11, leading: 16.5 };
      this.#sheet.space(8);
      this.#sheet.need(look.leading + body.leading * 2);
      this.#inlineText(spansOf(token, 'bold'), look, 4);
      return;
    }
    this.#inlineText(spansOf(token, this.#quotes > 0 ? 'italic' : 'text'), body, this.#tight ? 2 : 8);
  }

  #inlineText(spans: readonly Span[], look: TextLook, after = 8): void {
    const placed = { ...look, indent: this.indent };
    this.#drawMarker(placed);
    this.#sheet.paragraph(spans, placed);
    this.#sheet.space(after);
  }

  #code(content: string): void {
    const placed = { ...code, indent: this.indent };
    this.#drawMarker(placed);
    this.#sheet.paragraph([{ text: content.replace(/\n$/, ''), style: 'code' }], placed);
    this.#sheet.space(8);
  }

  #drawMarker(look: TextLook): void {
    if (this.#marker !== null) this.#sheet.marker(this.#marker, look);
    this.#marker = null;
  }

  #nextMarker(): string {
    const list = this.#lists.at(-1);
    if (list === undefined || list.next === null) return '•';
    return `${String(list.next++)}.`;
  }
}

/** @returns the index of the token that closes the table */
function drawTable(sheet: Sheet, tokens: readonly Token[], open: number, indent: number): number {
  const rows: { cells: Span[][]; head: boolean }[] = [];
  let at = open;
  for (; at < tokens.length && tokens[at]?.type !== 'table_close'; at++) {
    const token = tokens[at];
    const head = tokens[at - 1]?.type === 'th_open';
    if (token?.type === 'tr_open') rows.push({ cells: [], head: false });
    const row = rows.at(-1);
    if (token?.type !== 'inline' || row === undefined) continue;
    row.head = head;
    row.cells.push(spansOf(token, head ? 'uiBold' : 'ui'));
  }
  const widths = columnWidths(
    sheet,
    rows.map((row) => row.cells),
    sheet.width - indent,
  );
  for (const { cells, head } of rows) {
    sheet.row(
      widths.map((width, column) => ({ spans: cells[column] ?? [], width })),
      { ...table, indent },
    );
    sheet.space(2);
    sheet.rule(indent);
    sheet.space(head ? 3 : 2);
  }
  sheet.space(8);
  return at;
}

/** as wide as their widest cell, and narrower in proportion where that is too much */
function columnWidths(sheet: Sheet, rows: readonly (readonly Span[][])[], room: number): number[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(24, ...rows.map((row) => sheet.widthOf(row[column] ?? [], table.size) + 12)),
  );
  const total = natural.reduce((sum, width) => sum + width, 0);
  if (total <= room) return natural;
  // no column takes more than its fair share while another needs room
  const capped = natural.map((width) => Math.min(width, (room / count) * 2));
  const scale = room / capped.reduce((sum, width) => sum + width, 0);
  return capped.map((width) => width * scale);
}

/** the inline tokens of a block as styled text */
export function spansOf(block: Token, base: Style): Span[] {
  const spans: Span[] = [];
  let strong = 0;
  let emphasis = 0;
  let struck = 0;
  let link: string | undefined;
  for (const token of block.children ?? []) {
    if (token.type === 'strong_open') strong++;
    else if (token.type === 'strong_close') strong--;
    else if (token.type === 'em_open') emphasis++;
    else if (token.type === 'em_close') emphasis--;
    else if (token.type === 's_open') struck++;
    else if (token.type === 's_close') struck--;
    else if (token.type === 'link_open') {
      const href = String(token.attrGet('href') ?? '');
      link = isSafeLink(href) ? href : undefined;
    } else if (token.type === 'link_close') link = undefined;
    else {
      const style = token.type === 'code_inline' ? 'code' : styleOf(base, strong > 0, emphasis > 0);
      const colour = link === undefined ? (struck > 0 ? ink3 : undefined) : pine;
      spans.push({
        text: inlineText(token),
        style: token.type === 'image' ? 'italic' : style,
        ...(token.type === 'image' ? { colour: ink2 } : colour === undefined ? {} : { colour }),
        ...(link === undefined ? {} : { link }),
      });
    }
  }
  return spans;
}

function inlineText(token: Token): string {
  if (token.type === 'softbreak') return ' ';
  if (token.type === 'hardbreak') return '\n';
  return token.type === 'image' ? `Image: ${imageText(token)}` : token.content;
}

function styleOf(base: Style, strong: boolean, emphasis: boolean): Style {
  if (base === 'ui' || base === 'uiBold') return strong ? 'uiBold' : base;
  const slanted = base === 'italic' ? !emphasis : emphasis;
  if (strong || base === 'bold') return slanted ? 'boldItalic' : 'bold';
  return slanted ? 'italic' : 'text';
}
