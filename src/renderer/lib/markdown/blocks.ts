/** Markdown as the blocks it is made of: each is compared with what it was before, and only what changed is set again. */
import { createMarkdown, type Token } from '../../../shared/markdown/index.ts';
import { addMath } from './math-rules.ts';

export type Block =
  /** safe as it stands, and sanitised once more before it is shown */
  | { readonly kind: 'html'; readonly html: string }
  | { readonly kind: 'code'; readonly text: string; readonly language: string };

const markdown = createMarkdown();
addMath(markdown);
markdown.renderer.rules['table_open'] = () => '<div class="table"><table>';
markdown.renderer.rules['table_close'] = () => '</table></div>';

/** Top-level blocks, in order. */
export function blocksOf(source: string): Block[] {
  const env: Record<string, unknown> = {};
  const blocks: Block[] = [];
  let group: Token[] = [];
  let depth = 0;
  for (const token of markdown.parse(source, env)) {
    group.push(token);
    depth += token.nesting;
    if (depth > 0) continue;
    blocks.push(blockOf(group, env));
    group = [];
  }
  if (group.length > 0) blocks.push(blockOf(group, env));
  return blocks;
}

function blockOf(tokens: Token[], env: Record<string, unknown>): Block {
  const [first] = tokens;
  if (first !== undefined && (first.type === 'fence' || first.type === 'code_block'))
    return { kind: 'code', text: withoutLastBreak(first.content), language: languageOf(first.info) };
  return { kind: 'html', html: markdown.renderer.render(tokens, markdown.options, env) };
}

/** The first word behind the marks of a fence: 'ts title="x"' is 'ts'. */
function languageOf(info: string): string {
  return /^\s*\{?\.?([\w+#.-]*)/.exec(info)?.[1]?.toLowerCase() ?? '';
}

function withoutLastBreak(code: string): string {
  return code.endsWith('\n') ? code.slice(0, -1) : code;
}
