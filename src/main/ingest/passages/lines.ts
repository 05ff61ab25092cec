/** Passages of tables: whole lines, joined to about the target, none over the border of a section (a sheet). */
import type { Section } from '../types.ts';
import { estimateTokens } from './cost.ts';
import { hardCuts, type Span } from './prose.ts';

/** @param target tokens a passage, about */
export function lineSpans(text: string, sections: readonly Section[], target: number): readonly Span[] {
  return sections.flatMap(({ start, end, headings }) =>
    joinedLines(text, start, end, target).map(([from, to]) => ({ start: from, end: to, headings })),
  );
}

function joinedLines(text: string, start: number, end: number, target: number): readonly [number, number][] {
  const spans: [number, number][] = [];
  let open: { from: number; cost: number } | null = null;
  const close = (to: number): void => {
    if (open !== null) spans.push([open.from, to]);
    open = null;
  };
  for (let from = start; from < end;) {
    const newline = text.indexOf('\n', from);
    const to = newline < 0 ? end : Math.min(end, newline + 1);
    const cost = estimateTokens(text, from, to);
    if (open !== null && open.cost + cost > target) close(from);
    if (cost > target) spans.push(...hardCuts(text, from, to, target));
    else if (open === null) open = { from, cost };
    else open.cost += cost;
    from = to;
  }
  close(end);
  return spans;
}
