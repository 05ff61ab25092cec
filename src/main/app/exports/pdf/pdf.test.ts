import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { conversation, thread, whale } from '../tree.fixture.ts';
import { createPdfWriter } from './index.ts';
import { pdfText } from './pdf-text.fixture.ts';

const writer = createPdfWriter();

/** all text with every white space gone: where lines break is the layout's business */
async function textOf(content: string): Promise<string> {
  const pages = pdfText(await writer.write(thread(['Q', content])));
  return pages.join('').replace(/\s+/g, '');
}

const english = `# The whale

The **Pequod** sails with *Ahab*; an ***office*** of \`fi => x\`, and a [link](https://a.example/x).

1. first
2. second
   - nested

> A quotation.

| left | right |
|------|------:|
| a    | **b** |

\`\`\`ts
const a = 1;
\`\`\``;
const japanese =
  '吾輩は猫である。「名前」は、まだ無い。**どこ**で生れたか*とんと*見当がつかぬ。ヴァイオリン―鬱';

describe('PDF', () => {
  it('English and Japanese text comes back', async () => {
    const text = await textOf(`${english}\n\n${japanese}`);
    for (const part of [
      'Thewhale',
      'ThePequodsailswithAhab;anofficeoffi=>x,andalink.',
      '1.first',
      '2.second',
      '•nested',
      'Aquotation.',
      'leftright',
      'ab',
      'consta=1;',
      japanese.replaceAll('*', ''),
    ])
      expect(text).toContain(part);
  });

  it('pdftotext reads it too', async (context) => {
    try {
      execFileSync('pdftotext', ['-v'], { stdio: 'ignore' });
    } catch {
      return context.skip('pdftotext is not installed');
    }
    const folder = await mkdtemp(join(tmpdir(), 'longleaf-pdf-'));
    const file = join(folder, 'x.pdf');
    await writeFile(file, await writer.write(thread(['Q', `The Pequod sails.\n\n${japanese}`])));
    const text = execFileSync('pdftotext', ['-enc', 'UTF-8', file, '-'], { encoding: 'utf8' });
    await rm(folder, { recursive: true });
    expect(text).toContain('The Pequod sails.');
    expect(text.replace(/\s/g, '')).toContain(japanese.replaceAll('*', ''));
  });

  it('has title, date, citations, receipt and page numbers', async () => {
    const pdf = await writer.write(whale);
    const text = pdfText(pdf).join('\n');
    for (const part of [
      'What ship: "A/B"?',
      'Library: moby · Folder: Sea · 2026-01-02 03:04 UTC',
      'Assistant (SmolLM2)',
      'The Pequod.',
      'moby.epub, CHAPTER 16, characters 10-25',
      '“the Pequod sails”',
      'Context: 1,234 of 1,300 tokens read, 66 pending, 0 dropped',
      '1 / 1',
    ])
      expect(text).toContain(part);
    expect(text).not.toContain('Rachel');
  });

  it('is A4, embeds its fonts, and reaches for nothing', async () => {
    const pdf = (await writer.write(whale)).toString('latin1');
    expect(pdf).toContain('/MediaBox [0 0 595.28 841.89]');
    expect(pdf).toContain('/FontFile2');
    expect(pdf).not.toMatch(
      /\/(?:JavaScript|JS|Launch|GoToR|SubmitForm|ImportData|EmbeddedFile|OpenAction)\b/,
    );
    expect(pdf).not.toMatch(/\/Subtype \/Type1\b/);
  });

  it('links lead to http, https and mailto only', async () => {
    const tree = thread([
      'Q',
      '[a](https://a.example/) [b](javascript:alert(1)) [c](file:///etc/passwd) ![d](https://b.example/p.png)',
    ]);
    const pdf = (await writer.write(tree)).toString('latin1');
    expect([...pdf.matchAll(/\/URI \(([^)]*)\)/g)].map(([, uri]) => uri)).toEqual(['https://a.example/']);
  });

  it('characters that no font has are boxes, and still the characters', async () => {
    expect(await textOf('한국어 العربية 🚀 漢字')).toContain('한국어العربية🚀漢字');
  });

  it('accents stand where the weight has them, in bold too', async () => {
    expect(await textOf('**Żółć Ångström** naïve Ελληνικά Кириллица ệ')).toContain(
      'ŻółćÅngströmnaïveΕλληνικάКириллицаệ',
    );
  });

  it('one document does not change what the characters of the next one mean', async () => {
    const own = createPdfWriter();
    const everything = 'a: b; c… d! e? -> => != é ü ﬁ "x" ½';
    await own.write(thread([everything, everything]));
    expect(pdfText(await own.write(thread(['a.b, c -> d', 'e.f, g -> h']))).join('')).toMatch(
      /a\.b, c -> d[^]*e\.f, g -> h/,
    );
  });

  it('a long text goes over many pages, none of it lost', async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `w${String(index)}`);
    const pages = pdfText(await writer.write(thread(['Q', words.join(' ')])));
    expect(pages.length).toBeGreaterThan(20);
    expect(pages[0]).toContain(`1 / ${String(pages.length)}`);
    const body = pages.join('\n').match(/\bw\d+/g);
    expect(body).toEqual(words);
  });

  it('one word that is longer than a page is cut, not lost', async () => {
    const text = await textOf('x'.repeat(20_000));
    expect(text.match(/x/g)?.length).toBe(20_000);
  });

  it('hostile text neither hangs nor breaks it', async (context) => {
    const data = process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data';
    if (!existsSync(join(data, 'blns'))) return context.skip(`no ${data}/blns`);
    const naughty = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[];
    const spec = readFileSync(join(data, 'commonmark/spec.txt'), 'utf8');
    const deep = `${'> '.repeat(500)}deep\n\n${'- '.repeat(500)}deeper`;
    const contents = [
      '\0\ud800\u202E\uFEFF',
      naughty.join('\n\n'),
      naughty.join('\n'),
      spec,
      deep,
      '',
      '|a|'.repeat(3_000),
    ];
    const tree = { ...thread(contents), library: naughty[50] ?? null };
    const pdf = await writer.write({
      ...tree,
      conversation: conversation({ ...tree.conversation, title: '\0\ud800)>>' }),
    });
    expect(pdf.subarray(-6).toString()).toContain('%%EOF');
    expect(pdfText(pdf).join('')).toContain('deeper');
  });
});
