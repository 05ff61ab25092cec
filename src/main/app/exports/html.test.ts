import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { describe, expect, it } from 'vitest';
import type { Message, MessageId } from '../../../shared/model/index.ts';
import { exportHtml } from './html.ts';
import { conversation, message, thread, whale } from './tree.fixture.ts';
import type { ConversationTree } from './tree.ts';

interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
}

function elements(html: string): Element[] {
  const found: Element[] = [];
  const textOf = (node: DefaultTreeAdapterTypes.Node): string =>
    'value' in node ? node.value : 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';
  const walk = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node) {
      const attributes = Object.fromEntries(node.attrs.map(({ name, value }) => [name, value]));
      found.push({ tag: node.tagName, attributes, text: textOf(node) });
    }
    if ('childNodes' in node) node.childNodes.forEach(walk);
  };
  walk(parse(html));
  return found;
}

const allowedTags = new Set(
  'html head meta title style body main header h1 h2 h3 h4 h5 h6 p article div section ol ul li a span blockquote pre code em strong s table thead tbody tr th td hr br'.split(
    ' ',
  ),
);
const allowedAttributes = new Set(
  'lang charset http-equiv content name class id href target rel title start'.split(' '),
);

/** nothing runs, loads, or leads where it should not */
function expectInert(html: string): void {
  const all = elements(html);
  const ids = new Set(all.map(({ attributes }) => attributes['id']));
  for (const { tag, attributes } of all) {
    expect(allowedTags, tag).toContain(tag);
    for (const [name, value] of Object.entries(attributes)) {
      expect(allowedAttributes, `${name} of ${tag}`).toContain(name);
      if (name !== 'href') continue;
      if (value.startsWith('#')) expect(ids).toContain(value.slice(1));
      else expect(value).toMatch(/^(?:https?:\/\/|mailto:)/i);
    }
    if (attributes['http-equiv'] !== undefined)
      expect(attributes['http-equiv']).toBe('Content-Security-Policy');
  }
  expect(all.filter(({ tag }) => tag === 'style')).toHaveLength(1);
  expect(all.filter(({ tag }) => tag === 'title')).toHaveLength(1);
}

/** the payload wherever a text of the conversation can stand */
function everywhere(payload: string): ConversationTree {
  const citations = [
    { document: payload, path: payload, start: 0, end: 1, quote: payload, section: payload },
  ];
  const fields = { model: payload, citations } as Partial<Message>;
  return {
    conversation: conversation({ title: payload, systemPrompt: payload, currentId: 'm2' as MessageId }),
    library: payload,
    folder: payload,
    messages: [
      message({ id: 'm1', parentId: null, role: 'user', content: payload }),
      message({ ...fields, id: 'm2', parentId: 'm1', role: 'assistant', content: payload }),
    ],
  };
}

const payloads = [
  '<script>alert(1)</script>',
  '</title><script>alert(1)</script>',
  '</style><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '<svg onload=alert(1)>',
  '<iframe src="javascript:alert(1)">',
  '[x](javascript:alert(1))',
  '[x](data:text/html;base64,PHNjcmlwdD4=)',
  '![x](https://evil.example/pixel.png)',
  '![x][y]\n\n[y]: https://evil.example/pixel.png',
  '<a href="java\tscript:alert(1)">x</a>',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '<base href="https://evil.example/">',
  '<link rel=stylesheet href=https://evil.example/a.css>',
  '--><script>alert(1)</script><!--',
  ']]><script>alert(1)</script>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '\u0000<scr\u0000ipt>alert(1)</scr\u0000ipt>',
  '\ud800<script>\udc00',
  '| a |\n|---|\n| <img src=x onerror=alert(1)> |',
  '```html"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```',
  '<https://a.example/"onclick="alert(1)>',
  '&lt;script&gt; &#60;script&#62; &#x6a;avascript:alert(1)',
  '[x](https://a.example "\\"onclick=alert(1) x=\\"")',
];

describe('exportHtml', () => {
  it.each(payloads)('%j is inert wherever it stands', (payload) => {
    const html = exportHtml(everywhere(payload));
    expectInert(html);
    const title = elements(html).find(({ tag }) => tag === 'h1')?.text ?? '';
    expect(title.replaceAll('\uFFFD', '')).toBe(
      payload
        .toWellFormed()
        .replace(/[\s\0]+/g, ' ')
        .replaceAll('\uFFFD', '')
        .trim(),
    );
  });

  it('is inert with every naughty string and example of CommonMark', (context) => {
    const data = process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data';
    if (!existsSync(join(data, 'blns'))) return context.skip(`no ${data}/blns`);
    const naughty = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[];
    const spec = readFileSync(join(data, 'commonmark/spec.txt'), 'utf8').split(/^`{32}.*$/m);
    for (const text of [...naughty, ...spec]) expectInert(exportHtml(everywhere(text)));
  });

  it('forbids by its policy what its style sheet is not', () => {
    const html = exportHtml(whale);
    const all = elements(html);
    const policy = all.find(({ attributes }) => attributes['http-equiv'] !== undefined)?.attributes[
      'content'
    ];
    const style = all.find(({ tag }) => tag === 'style')?.text ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${hash}'`);
    expect(policy).not.toContain('unsafe');
    expect(style).not.toMatch(/url\(|@import|https?:/);
    expect(html.indexOf('Content-Security-Policy')).toBeLessThan(html.indexOf('<title>'));
  });

  it('shows question, answer, receipt and citations', () => {
    const html = exportHtml(whale);
    for (const part of [
      '<title>What ship: &quot;A/B&quot;?</title>',
      '<p class="typed">What ship?</p>',
      '<p>The <strong>Pequod</strong>.</p>',
      '<h2 lang="en">Assistant (SmolLM2)</h2>',
      '<a id="mark-1" href="#note-1">1</a>',
      '<li id="note-1"><span class="place">moby.epub, CHAPTER 16, characters 10-25</span><blockquote>the Pequod sails</blockquote>',
      'Context: 1,234 of 1,300 tokens read, 66 pending, 0 dropped',
      'Library: moby · Folder: Sea',
    ])
      expect(html).toContain(part);
    expect(html).not.toContain('Rachel');
  });

  it('names the language of the page and of what differs from it', () => {
    const japanese = thread(['吾輩は猫である。', '名前はまだ無い。'], '猫');
    expect(exportHtml(japanese)).toContain('<html lang="ja">');
    const mixed = exportHtml(thread([`Translate: ${'the ship sails '.repeat(20)}`, '船は進みます。']));
    expect(mixed).toContain('<html lang="en">');
    expect(mixed).toContain('<div class="text" lang="ja">');
  });

  it('keeps the lines of a question as they were typed', () => {
    expect(exportHtml(thread(['a\n  *b* <i>\n\nc']))).toContain(
      '<p class="typed">a\n  *b* &lt;i&gt;\n\nc</p>',
    );
  });
});
