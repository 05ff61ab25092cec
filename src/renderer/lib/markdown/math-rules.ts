/**
 * Math in Markdown: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` as a block. Out comes the TeX as text in an element
 * of class `math`; what sets it (math.ts) is loaded when there is some. Without it, or if it fails, the TeX is what is read.
 */
import type { MarkdownIt } from '../../../shared/markdown/index.ts';

/** characters: longer stretches between two dollars are prose about money */
const LONGEST_INLINE = 1_000;

type InlineState = Parameters<Parameters<MarkdownIt['inline']['ruler']['push']>[1]>[0];
type BlockState = Parameters<Parameters<MarkdownIt['block']['ruler']['push']>[1]>[0];

export function addMath(markdown: MarkdownIt): void {
  markdown.inline.ruler.before('escape', 'math', inlineMath);
  markdown.block.ruler.before('fence', 'math_block', blockMath, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
  const { escapeHtml } = markdown.utils;
  markdown.renderer.rules['math'] = (tokens, index) =>
    `<span class="math">${escapeHtml(tokens[index]?.content ?? '')}</span>`;
  markdown.renderer.rules['math_block'] = (tokens, index) =>
    `<div class="math display">${escapeHtml(tokens[index]?.content ?? '')}</div>\n`;
}

function inlineMath(state: InlineState, silent: boolean): boolean {
  const rest = state.src.slice(state.pos, Math.min(state.posMax, state.pos + LONGEST_INLINE));
  // As pandoc has it: no space inside the dollars, no digit or letter behind the last: "$5 and $6" is money.
  const match =
    /^\$\$([^$]+?)\$\$/.exec(rest) ??
    /^\$(?![\s$])((?:\\[^]|[^\\$\n])+?)(?<!\s)\$(?!\w)/.exec(rest) ??
    /^\\\(([^]+?)\\\)/.exec(rest);
  const tex = match?.[1];
  if (match === null || tex === undefined || tex.trim() === '') return false;
  if (!silent) state.push('math', '', 0).content = tex.trim();
  state.pos += match[0].length;
  return true;
}

function blockMath(state: BlockState, startLine: number, endLine: number, silent: boolean): boolean {
  const begin = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0);
  const open = state.src.slice(begin, begin + 2);
  if (open !== '$$' && open !== '\\[') return false;
  const close = open === '$$' ? '$$' : '\\]';
  const stop = state.eMarks[endLine - 1] ?? state.src.length;
  const at = state.src.indexOf(close, begin + 2);
  if (at < 0 || at >= stop) return false;
  const tex = state.src.slice(begin + 2, at);
  if (tex.trim() === '' || /\n[ \t]*\n/.test(tex)) return false;
  let last = startLine;
  while ((state.eMarks[last] ?? stop) < at) last += 1;
  // Text behind it in the same line makes it math in a line.
  if (state.src.slice(at + 2, state.eMarks[last]).trim() !== '') return false;
  if (silent) return true;
  const token = state.push('math_block', '', 0);
  token.block = true;
  token.content = tex.trim();
  token.map = [startLine, last + 1];
  state.line = last + 1;
  return true;
}
