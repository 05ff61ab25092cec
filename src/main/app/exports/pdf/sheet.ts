/** Pages and a place on them. Sizes and positions are in points. */
import type PDFDocument from 'pdfkit';
import type { AnyFont, FontLibrary } from './font-library.ts';
import { LineBreaker, type Run, type Span } from './lines.ts';

export const ink = '#1A201D';
export const ink2 = '#454E49';
export const ink3 = '#5F6963';
export const pine = '#1B6145';
const ground = '#F1F3EF';
const hairline = '#DCE0D9';

const width = 595.28;
const height = 841.89;
const margin = { left: 72, right: 72, top: 72, bottom: 80 };

export interface TextLook {
  readonly size: number;
  readonly leading: number;
  readonly indent?: number;
  /** behind the lines */
  readonly ground?: boolean;
  /** white space stays as it is */
  readonly keep?: boolean;
}

export class Sheet {
  readonly #document: InstanceType<typeof PDFDocument>;
  readonly #known = new Set<AnyFont>();
  readonly #breaker: LineBreaker;
  #y = margin.top;

  constructor(document: InstanceType<typeof PDFDocument>, fonts: FontLibrary) {
    this.#document = document;
    this.#breaker = new LineBreaker(fonts, (text, font, size) => this.#use(font, size).widthOfString(text));
  }

  /** of the column for text */
  get width(): number {
    return width - margin.left - margin.right;
  }

  space(points: number): void {
    if (this.#y > margin.top) this.#y += points;
  }

  /** a new page, unless so much is left on this one */
  need(points: number): void {
    if (this.#y + points <= height - margin.bottom || this.#y === margin.top) return;
    this.#document.addPage();
    this.#y = margin.top;
  }

  paragraph(spans: readonly Span[], look: TextLook): void {
    const { indent = 0 } = look;
    const padding = look.ground === true ? 8 : 0;
    const lines = this.#breaker.lines(spans, look.size, this.width - indent - padding * 2, look.keep);
    for (const line of lines) this.#line([{ runs: line, x: indent + padding }], look);
  }

  /** Columns beside each other, from the same line on. */
  row(cells: readonly { readonly spans: readonly Span[]; readonly width: number }[], look: TextLook): void {
    let x = look.indent ?? 0;
    const columns = cells.map((cell) => {
      const lines = this.#breaker.lines(cell.spans, look.size, Math.max(12, cell.width - 8));
      const column = { x, lines };
      x += cell.width;
      return column;
    });
    const count = Math.max(1, ...columns.map(({ lines }) => lines.length));
    for (let index = 0; index < count; index++)
      this.#line(
        columns.map((column) => ({ runs: column.lines[index] ?? [], x: column.x })),
        look,
      );
  }

  /** beside the line that comes next */
  marker(text: string, look: TextLook): void {
    const [runs = []] = this.#breaker.lines([{ text, style: 'text' }], look.size, 200);
    this.need(look.leading);
    this.#draw(runs, (look.indent ?? 0) - 16, look);
  }

  rule(indent = 0): void {
    this.need(8);
    this.#document
      .moveTo(margin.left + indent, this.#y)
      .lineTo(width - margin.right, this.#y)
      .lineWidth(0.5)
      .strokeColor(hairline)
      .stroke();
  }

  widthOf(spans: readonly Span[], size: number): number {
    return this.#breaker.width(spans, size);
  }

  /** Numbers the pages; to be called once, at the end. */
  number(): void {
    const { start, count } = this.#document.bufferedPageRange();
    for (let page = start; page < start + count; page++) {
      this.#document.switchToPage(page);
      const text = `${String(page - start + 1)} / ${String(count)}`;
      const [runs = []] = this.#breaker.lines([{ text, style: 'ui', colour: ink3 }], 8, 200);
      this.#y = height - margin.bottom + 32;
      const used = runs.reduce((sum, run) => sum + run.width, 0);
      this.#draw(runs, (this.width - used) / 2, { size: 8, leading: 12 });
    }
  }

  #line(parts: readonly { readonly runs: readonly Run[]; readonly x: number }[], look: TextLook): void {
    this.need(look.leading);
    if (look.ground === true) {
      const left = margin.left + (look.indent ?? 0);
      // a little higher than the line, so that no seam shows between two
      this.#document.rect(left, this.#y, width - margin.right - left, look.leading + 0.2).fill(ground);
    }
    for (const { runs, x } of parts) this.#draw(runs, x, look);
    this.#y += look.leading;
  }

  #draw(runs: readonly Run[], x: number, { size, leading }: TextLook): void {
    const baseline = this.#y + leading / 2 + size * 0.35;
    let at = margin.left + x;
    for (const run of runs) {
      this.#use(run.font, size)
        .fillColor(run.colour ?? ink)
        .text(run.text, at, baseline, { lineBreak: false, baseline: 'alphabetic' });
      if (run.link !== undefined) this.#document.link(at, this.#y, run.width, leading, run.link);
      at += run.width;
    }
  }

  #use(font: AnyFont, size: number): InstanceType<typeof PDFDocument> {
    if (!this.#known.has(font)) {
      this.#known.add(font);
      // pdfkit takes any object that lays text out, which its declarations do not say; from then on it has a name
      this.#document.font(font as unknown as Buffer);
    }
    return this.#document.font(font.postscriptName).fontSize(size);
  }
}
