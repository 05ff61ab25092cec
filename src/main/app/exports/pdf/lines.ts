/** Styled text into lines of a given width. */
import type { FontLibrary, AnyFont, Style } from './font-library.ts';
import { lineBreakPieces, mayBreakBetween } from './line-breaks.ts';

export interface Span {
  readonly text: string;
  readonly style: Style;
  readonly colour?: string;
  readonly link?: string;
}

/** text in one font */
export interface Run {
  readonly text: string;
  readonly font: AnyFont;
  readonly width: number;
  readonly colour: string | undefined;
  readonly link: string | undefined;
}

export type Measure = (text: string, font: AnyFont, size: number) => number;

interface Unit {
  readonly runs: readonly Run[];
  readonly width: number;
  readonly space: boolean;
  /** a line ends here, whatever fits */
  readonly end: boolean;
}

export class LineBreaker {
  readonly #fonts: FontLibrary;
  readonly #measure: Measure;

  constructor(fonts: FontLibrary, measure: Measure) {
    this.#fonts = fonts;
    this.#measure = measure;
  }

  /**
   * @param width in points, as is `size`
   * @param keep true: white space at the start of a line stays, as in code
   */
  lines(spans: readonly Span[], size: number, width: number, keep = false): Run[][] {
    const lines: Run[][] = [];
    let line: Unit[] = [];
    let used = 0;
    const finish = (): void => {
      while (!keep && line.at(-1)?.space === true) line.pop();
      lines.push(joinRuns(line.flatMap((unit) => unit.runs)));
      line = [];
      used = 0;
    };
    for (const unit of this.#units(spans, size)) {
      if (unit.end) {
        finish();
        continue;
      }
      if (unit.space && line.length === 0 && !keep && lines.length > 0) continue;
      if (used + unit.width > width && line.length > 0 && !unit.space) finish();
      for (const part of unit.width > width ? this.#letters(unit, size) : [unit]) {
        if (used + part.width > width && line.length > 0 && !(part.space && !keep)) finish();
        line.push(part);
        used += part.width;
      }
    }
    if (line.length > 0 || lines.length === 0) finish();
    return lines;
  }

  width(spans: readonly Span[], size: number): number {
    return this.#units(spans, size).reduce((sum, unit) => sum + unit.width, 0);
  }

  /** words, spaces and characters between which a line may end; a word may go through several spans */
  #units(spans: readonly Span[], size: number): Unit[] {
    const units: Unit[] = [];
    let before = ' ';
    for (const span of spans) {
      for (const [index, text] of span.text.split('\n').entries()) {
        if (index > 0) {
          units.push({ runs: [], width: 0, space: false, end: true });
          before = ' ';
        }
        for (const piece of lineBreakPieces(printable(text))) {
          const runs = this.#runs(piece, span, size);
          const unit = unitOf(runs, /^\s/u.test(piece));
          const last = units.at(-1);
          if (last === undefined || last.end || mayBreakBetween(before, piece)) units.push(unit);
          else units[units.length - 1] = unitOf([...last.runs, ...runs], false);
          before = piece;
        }
      }
    }
    return units;
  }

  #letters(unit: Unit, size: number): Unit[] {
    return unit.runs.flatMap((run) =>
      Array.from(run.text, (text) =>
        unitOf([{ ...run, text, width: this.#measure(text, run.font, size) }], unit.space),
      ),
    );
  }

  #runs(text: string, span: Span, size: number): Run[] {
    const runs: Run[] = [];
    let current = '';
    let font: AnyFont | null = null;
    const finish = (): void => {
      if (font === null || current === '') return;
      const width = this.#measure(current, font, size);
      runs.push({ text: current, font, width, colour: span.colour, link: span.link });
    };
    for (const character of text) {
      const next = this.#fonts.choose(character.codePointAt(0) ?? 0, span.style);
      if (next !== font) {
        finish();
        current = '';
        font = next;
      }
      current += character;
    }
    finish();
    return runs;
  }
}

function unitOf(runs: readonly Run[], space: boolean): Unit {
  return { runs, width: runs.reduce((sum, run) => sum + run.width, 0), space, end: false };
}

/** neighbours of one kind are drawn at once, so that a reader finds whole words */
function joinRuns(runs: readonly Run[]): Run[] {
  const joined: Run[] = [];
  for (const run of runs) {
    const last = joined.at(-1);
    const same = last?.font === run.font && last.colour === run.colour && last.link === run.link;
    if (last !== undefined && same)
      joined[joined.length - 1] = { ...last, text: last.text + run.text, width: last.width + run.width };
    else joined.push(run);
  }
  return joined;
}

/** without what has no shape: control characters, joiners, variation selectors, halves of surrogate pairs */
function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\t/g, '    ')
    .replace(/[\u00A0\u2007\u202F]/g, ' ')
    .replace(/[\p{Cc}\p{Default_Ignorable_Code_Point}]/gu, '');
}
