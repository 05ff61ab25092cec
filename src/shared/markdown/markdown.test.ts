import { readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseFragment, type DefaultTreeAdapterTypes } from 'parse5';
import { describe, expect, it } from 'vitest';
import { createMarkdown, isSafeLink } from './index.ts';

const markdown = createMarkdown();
const allowed = new Set(['href', 'class', 'start', 'target', 'rel', 'title']);

interface Found {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
}

function elements(html: string): Found[] {
  const found: Found[] = [];
  const walk = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node) {
      const attributes = Object.fromEntries(node.attrs.map(({ name, value }) => [name, value]));
      found.push({ tag: node.tagName, attributes });
    }
    if ('childNodes' in node) node.childNodes.forEach(walk);
  };
  walk(parseFragment(html));
  return found;
}

/** what every text must come out as, whatever stands in it */
function expectInert(html: string): void {
  for (const { tag, attributes } of elements(html)) {
    expect(['script', 'img', 'iframe', 'object', 'embed', 'svg', 'style', 'base', 'form']).not.toContain(tag);
    for (const [name, value] of Object.entries(attributes)) {
      expect(allowed, `attribute ${name} of ${tag}`).toContain(name);
      if (name === 'href') expect(value).toMatch(/^(https?:\/\/|mailto:)/i);
    }
  }
}

describe('createMarkdown', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](java&#x0A;script:alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](data:text/html,<script>alert(1)</script>)',
    '[a](vbscript:x)',
    '[a](file:///etc/passwd)',
    '[a](//evil.example)',
    '![a](https://evil.example/p.png "t")',
    '![a"onerror="alert(1)](https://evil.example/p.png)',
    '[a](https://x.example" onclick="alert(1))',
    '<javascript:alert(1)>',
    '[r]: javascript:alert(1)\n\n[r]',
    '```"><script>alert(1)</script>\nx\n```',
    '|a|\n|:-:|\n|<b onclick=x>|',
    '\u0000<script\u0000>alert(1)</script>',
  ])('%j is inert', (text) => expectInert(markdown.render(text)));

  it('keeps inert what the big list of naughty strings and the CommonMark examples hold', (context) => {
    const data = process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data';
    if (!existsSync(join(data, 'blns'))) return context.skip(`no ${data}/blns`);
    const naughty = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[];
    const spec = readFileSync(join(data, 'commonmark/spec.txt'), 'utf8').split(/^`{32}.*$/m);
    for (const text of [...naughty, ...spec]) expectInert(markdown.render(text));
  });

  it('opens links outside', () => {
    expect(markdown.render('[a](https://a.example/?q=1&r=2)')).toBe(
      '<p><a href="https://a.example/?q=1&amp;r=2" target="_blank" rel="noopener noreferrer">a</a></p>\n',
    );
  });

  it('makes links of written addresses, not of file names or bare hosts', () => {
    expect(markdown.render('https://a.example mailto:a@b.example')).toContain('href="mailto:a@b.example"');
    for (const text of ['run main.py', 'www.a.example', 'a@b.example', 'ftp://a.example', '//a.example'])
      expect(markdown.render(text)).not.toContain('<a');
  });

  it('names an image by its words, or by its address', () => {
    expect(markdown.render('![a *whale*](https://a.example/w.png)')).toContain(
      '<span class="image-text">a whale</span>',
    );
    expect(markdown.render('![](https://a.example/w.png)')).toContain('>https://a.example/w.png</span>');
  });

  it('aligns cells by class', () => {
    const html = markdown.render('|a|b|\n|-:|:-:|\n|1|2|');
    expect(html).toContain('<td class="align-right">1</td>');
    expect(html).not.toContain('style');
  });

  it('leaves quotes and dashes as they were written', () => {
    expect(markdown.render('"a" -- b...')).toBe('<p>&quot;a&quot; -- b...</p>\n');
  });
});

describe('isSafeLink', () => {
  it.each(['https://a.example', 'HTTP://a.example', 'mailto:a@b.example'])('takes %j', (address) =>
    expect(isSafeLink(address)).toBe(true),
  );
  it.each([
    '',
    'https://',
    'mailto:',
    ' https://a',
    'https://a b',
    'x:https://a',
    '#a',
    'a/b',
    'https://a\n',
  ])('refuses %j', (address) => expect(isSafeLink(address)).toBe(false));
});
