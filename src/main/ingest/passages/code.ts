/**
 * Passages of source code. The structure is read from the indentation, which is the same in nearly all languages:
 * a unit starts at a line of its block's indentation (with the comments and decorators above it) and goes to the next
 * such line. Units that are too long are split at the next deeper indentation, small neighbours are joined.
 */
import { estimateTokens } from './cost.ts';
import { definedName, rulesOf } from './definitions.ts';
import { hardCuts } from './prose.ts';

export interface CodeSpan {
  readonly start: number;
  readonly end: number;
  readonly defines: readonly string[];
  /** names of the definitions around it, outermost first */
  readonly enclosing: readonly string[];
}

interface Line {
  readonly start: number;
  /** after its line end */
  readonly end: number;
  /** columns; tabs stop at every fourth */
  readonly indent: number;
  readonly blank: boolean;
  /** closes or continues what is above it: never begins a unit */
  readonly dependent: boolean;
  /** a comment or decorator: goes with what is below it */
  readonly attached: boolean;
  readonly defines: string | null;
  readonly cost: number;
}

/** lines [first, end), or a cut within one line */
interface Unit {
  readonly first: number;
  readonly start: number;
  readonly end: number;
  readonly cost: number;
  /** begins with a definition at its file's outermost level */
  readonly outermost: boolean;
}

const dependentLine =
  /^\s*(?:[})\]{]|\*\/|-->|<\/|(?:end|else|elif|elsif|except|finally|catch|rescue|ensure|fi|done|esac|then|do|begin|where|in|of)\b|[.?:,+|&=*]|&&|\|\|)/;
/** a whole unit may be this much larger than the target before it is split */
const slack = 1.25;
const smallest = 0.3;

/** @param target tokens a passage, about */
export function codeSpans(text: string, language: string | null, target: number): readonly CodeSpan[] {
  if (text === '') return [];
  const lines = readLines(text, language);
  const units = split(text, lines, 0, lines.length, -1, target);
  const enclosing = enclosingNames(lines);
  let line = 0;
  return join(units, target).map(({ start, end }) => {
    while ((lines[line]?.end ?? Infinity) <= start) line++;
    const first = line;
    const defines = new Set<string>();
    for (let at = first; at < lines.length; at++) {
      const here = lines[at];
      if (here === undefined || here.start >= end) break;
      if (here.defines !== null && here.start >= start) defines.add(here.defines);
    }
    return { start, end, defines: [...defines], enclosing: enclosing(firstWithText(lines, first)) };
  });
}

function readLines(text: string, language: string | null): readonly Line[] {
  const rules = rulesOf(language);
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(start, newline < 0 ? end : newline);
    const shown = line.slice(0, 1024);
    const defines = definedName(line, rules);
    lines.push({
      start,
      end,
      indent: indentOf(shown),
      blank: shown.trim() === '',
      dependent: defines === null && dependentLine.test(shown),
      attached: rules.attached.test(shown) && defines === null,
      defines,
      cost: estimateTokens(text, start, end),
    });
    start = end;
  }
  return lines;
}

function indentOf(line: string): number {
  let columns = 0;
  for (const character of line) {
    if (character === ' ') columns++;
    else if (character === '\t') columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

function split(
  text: string,
  lines: readonly Line[],
  first: number,
  end: number,
  above: number,
  target: number,
): readonly Unit[] {
  const whole = unitOf(lines, first, end);
  if (whole.cost <= target * (above < 0 ? 1 : slack)) return [whole];
  const inner = nextIndent(lines, first, end, above);
  if (inner === null) return cutLines(text, lines, first, end, target);
  const starts = unitStarts(lines, first, end, inner);
  return starts.flatMap((start, index) => split(text, lines, start, starts[index + 1] ?? end, inner, target));
}

/** the least indentation deeper than `above` at which a unit begins inside the block */
function nextIndent(lines: readonly Line[], first: number, end: number, above: number): number | null {
  let least: number | null = null;
  for (let at = first; at < end; at++) {
    const line = lines[at];
    if (line === undefined || line.blank || line.dependent || line.attached || line.indent <= above) continue;
    if (at === first && above >= 0) continue;
    if (least === null || line.indent < least) least = line.indent;
  }
  return least;
}

/** always with `first`; comments and decorators directly above a line begin its unit */
function unitStarts(lines: readonly Line[], first: number, end: number, indent: number): readonly number[] {
  const starts = [first];
  for (let at = first + 1; at < end; at++) {
    const line = lines[at];
    if (line === undefined || line.blank || line.dependent || line.attached || line.indent > indent) continue;
    let start = at;
    while (start - 1 > (starts.at(-1) ?? first) && lines[start - 1]?.attached === true) start--;
    if (start > (starts.at(-1) ?? first)) starts.push(start);
  }
  return starts;
}

/** no structure left: lines one by one, and lines that are too long in pieces */
function cutLines(
  text: string,
  lines: readonly Line[],
  first: number,
  end: number,
  target: number,
): readonly Unit[] {
  const units: Unit[] = [];
  for (let at = first; at < end; at++) {
    const unit = unitOf(lines, at, at + 1);
    if (unit.cost <= target) units.push(unit);
    else
      for (const [from, to] of hardCuts(text, unit.start, unit.end, target))
        units.push({
          first: at,
          start: from,
          end: to,
          cost: estimateTokens(text, from, to),
          outermost: false,
        });
  }
  return units;
}

function unitOf(lines: readonly Line[], first: number, end: number): Unit {
  let cost = 0;
  for (let at = first; at < end; at++) cost += lines[at]?.cost ?? 0;
  const main = lines[firstWithText(lines, first)];
  return {
    first,
    start: lines[first]?.start ?? 0,
    end: lines[end - 1]?.end ?? 0,
    cost,
    outermost: main?.indent === 0 && main.defines !== null,
  };
}

/** the first line from here that is neither blank nor a comment */
function firstWithText(lines: readonly Line[], from: number): number {
  let at = from;
  while (at < lines.length - 1 && (lines[at]?.blank === true || lines[at]?.attached === true)) at++;
  return at;
}

/** greedy; an outermost definition begins a passage of its own once the one before is half full */
function join(units: readonly Unit[], target: number): readonly { start: number; end: number }[] {
  const groups: { start: number; end: number; cost: number }[] = [];
  for (const unit of units) {
    const last = groups.at(-1);
    const fits = last !== undefined && last.cost + unit.cost <= target;
    if (last !== undefined && fits && !(unit.outermost && last.cost > target / 2)) {
      last.end = unit.end;
      last.cost += unit.cost;
    } else if (
      last !== undefined &&
      !unit.outermost &&
      unit.cost < target * smallest &&
      last.cost + unit.cost <= target * slack
    ) {
      // a closing line, a small rest
      last.end = unit.end;
      last.cost += unit.cost;
    } else groups.push({ start: unit.start, end: unit.end, cost: unit.cost });
  }
  return groups;
}

/** the definitions around a line, by indentation */
function enclosingNames(lines: readonly Line[]): (line: number) => readonly string[] {
  const open: { indent: number; name: string }[] = [];
  let next = 0;
  return (line) => {
    for (; next < line; next++) {
      const passed = lines[next];
      if (passed === undefined || passed.blank || passed.dependent || passed.attached) continue;
      while ((open.at(-1)?.indent ?? -1) >= passed.indent) open.pop();
      if (passed.defines !== null) open.push({ indent: passed.indent, name: passed.defines });
    }
    const indent = lines[line]?.indent ?? 0;
    return open.filter((outer) => outer.indent < indent).map((outer) => outer.name);
  };
}
