import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { has, outline, read, readText } from '../testing/data.fixture.ts';

const office = join(import.meta.dirname, '../testing');

describe('markup as text', () => {
  it('reStructuredText, Org, AsciiDoc, LaTeX: sections by headings, the text unchanged', async () => {
    const rst = await readText(
      'a.rst',
      '=====\nWhale\n=====\n\nIntro.\n\nSize\n----\n\nBig.\n\nOcean\n=====\n\nDeep.\n',
    );
    expect(rst.sections.map(({ headings }) => headings)).toEqual([
      ['Whale'],
      ['Whale', 'Size'],
      ['Whale', 'Size', 'Ocean'],
    ]);
    expect(rst.title).toBe('Whale');
    const org = await readText('a.org', '#+TITLE: Log\n\n* TODO Sail :sea:\nDeep.\n** Back\nHome.\n');
    expect(org.sections.map(({ headings }) => headings)).toEqual([
      ['Log'],
      ['Log', 'Sail'],
      ['Log', 'Sail', 'Back'],
    ]);
    const adoc = await readText(
      'a.adoc',
      '= Whale\n\n== Size\n\n----\n== no heading\n----\n\n== Ocean\n\nDeep.\n',
    );
    expect(adoc.sections.map(({ headings }) => headings.at(-1))).toEqual(['Whale', 'Size', 'Ocean']);
    const tex = await readText(
      'a.tex',
      '\\chapter{The \\emph{White} Whale}\nText.\n% \\section{no}\n\\section*{Its size}\nBig.\n',
    );
    expect(tex.sections.map(({ headings }) => headings)).toEqual([
      ['The White Whale'],
      ['The White Whale', 'Its size'],
    ]);
    expect(tex.text).toContain('% \\section{no}');
  });

  it('subtitles: times and words; a file without times stays as it is', async () => {
    const srt =
      '1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Call me</i>\r\nIshmael.\r\n\r\n2\r\n00:01:00,000 --> 00:01:02,000\r\nSome years ago\r\n';
    expect((await readText('a.srt', srt)).text).toBe(
      '[00:00:01] Call me Ishmael.\n\n[00:01:00] Some years ago',
    );
    expect((await readText('a.vtt', 'WEBVTT\n\n00:05.000 --> 00:07.000\nHello\n')).text).toBe(
      '[00:00:05] Hello',
    );
    expect((await readText('b.srt', 'no times here')).text).toBe('no times here');
  });

  it('tables: rows as lines, each passage under the names of the columns', async () => {
    const table = await readText('a.csv', 'name,length\nMoby Dick,25\n');
    expect(table).toMatchObject({ kind: 'data', sections: [{ headings: ['name,length'] }] });
    expect((await readText('b.csv', '1,2\n3,4\n')).sections[0]?.headings).toEqual([]);
  });

  it('notebooks: cells in order, outputs as text, pictures said to be left out', async () => {
    const cells = [
      { cell_type: 'markdown', source: ['# Whales\n', 'About size.'] },
      {
        cell_type: 'code',
        source: 'print(25)',
        outputs: [{ text: ['25\n'] }, { data: { 'image/png': 'AAAA', 'text/plain': '<Figure>' } }],
      },
    ];
    const notebook = await readText(
      'a.ipynb',
      JSON.stringify({ cells, metadata: { kernelspec: { language: 'python' } } }),
    );
    expect(notebook).toMatchObject({
      kind: 'notebook',
      title: 'Whales',
      language: 'python',
      outcome: 'read',
    });
    expect(notebook.text).toBe('# Whales\nAbout size.\n\nprint(25)\n\n25\n\n<Figure>');
    expect(notebook.reason).toMatch(/1 picture is left out/);
    // what is only named so is JSON
    expect(await readText('b.ipynb', '{"a": 1}')).toMatchObject({ kind: 'code', text: '{"a": 1}' });
  });
});

describe('HTML files', () => {
  it('title, headings, language; templates and pages without text keep their source', async () => {
    const page = await readText(
      'a.html',
      '<html lang="de"><title>Der Wal</title><h1>Eins</h1><p>Text</p><script>x</script><h2>Zwei</h2>b</html>',
    );
    expect(page).toMatchObject({
      kind: 'html',
      title: 'Der Wal',
      language: 'de',
      text: 'Eins\n\nText\n\nZwei\n\nb',
    });
    expect(page.sections.map(({ headings }) => headings)).toEqual([['Eins'], ['Eins', 'Zwei']]);
    expect(await readText('b.html', '<p>{{ name }}</p>')).toMatchObject({
      kind: 'code',
      text: '<p>{{ name }}</p>',
    });
    expect(await readText('c.html', '<div id="app"></div><script src="a.js"></script>')).toMatchObject({
      kind: 'code',
    });
  });

  it.skipIf(!has('tika'))('charsets that lie (skipped without data/tika)', async () => {
    const utf16 = await read('tika/testHTML_charset_utf16le.html');
    expect(utf16).toMatchObject({ encoding: 'utf-16le', outcome: 'read' });
    const utf8 = await read('tika/testHTML_utf8.html');
    expect(utf8.title).toBe('Title : Tilte with UTF-8 chars öäå');
    expect(utf8.text).toContain('åäö');
    for (const name of ['testHTML_charset_utf8', 'testHTMLNoisyMetaEncoding_2', 'tika434', 'resume'])
      expect((await read(`tika/${name}.html`)).text, name).not.toContain('\ufffd');
  });

  it('an encoding that was guessed is said', async () => {
    const bytes = Buffer.from(
      [...'Der W\u00e4chter f\u00fchlt sich m\u00fcde und l\u00e4uft'].map((letter) => letter.charCodeAt(0)),
    );
    const guessed = await readText('a.txt', bytes);
    expect(guessed.outcome).toBe('read');
    expect(guessed.encoding).toMatch(/\?$/);
    expect(guessed.reason).toBe(`The encoding was guessed: ${guessed.encoding.slice(0, -1)}`);
  });
});

describe('office documents', () => {
  it.skipIf(!has('tika'))(
    'Word: headings, tables, notes, ruby, text boxes (skipped without data/tika)',
    async () => {
      const word = await read('tika/testWORD.docx');
      expect(word).toMatchObject({ kind: 'docx', title: 'Sample Word Document', outcome: 'read' });
      expect(word.sections.map(({ headings }) => headings.join(' > '))).toContain(
        'Heading Level 1 > Heading Level 2 > Heading Level 3',
      );
      expect((await read('tika/testWORD_phonetic.docx')).text).toBe('東京');
      expect((await read('tika/testWORD_text_box.docx')).text).toContain('inside of a text box');
      const pictures = await read('tika/testWORD_embedded_pics.docx');
      expect(pictures.text).toContain('This is a footnote');
      expect(pictures.reason).toMatch(/7 pictures left out/);
      await expect(read('tika/testWORD_protected_passtika.docx')).rejects.toThrow(
        /encrypted with a password/,
      );
      await expect(read('tika/testWORD_truncated.docx')).rejects.toThrow(/not a readable zip archive/);
      await expect(read('tika/testAltChunkMHT.docx')).rejects.toThrow(/nothing in it.*altChunk/);
    },
  );

  it.skipIf(!has('own/docx'))(
    'hostile Word documents end with a reason (skipped without data/own)',
    async () => {
      await expect(read('own/docx/deep-tables.docx')).rejects.toThrow(/nested too deeply/);
      await expect(read('own/docx/xml-512MiB.docx')).rejects.toThrow(/the limit is/);
      await expect(read('own/docx/xxe.docx')).rejects.toThrow(/not a readable Word document/);
    },
  );

  it.skipIf(!has('tika'))(
    'OpenDocument: headings, notes in their place, lists (skipped without data/tika)',
    async () => {
      const odt = await read('tika/testODFwithOOo3.odt');
      expect(odt).toMatchObject({ kind: 'odf', outcome: 'read' });
      expect(odt.sections[0]?.headings).toEqual(['Apache Tika Test Document']);
      expect(odt.text).toContain('rather [This is of course a simple footnote] difficult');
      expect(odt.text).toContain('\n- First item');
    },
  );

  it('Excel: sheets, dates, percentages, gaps (a file that openpyxl wrote)', async () => {
    const book = await read(join(office, 'whales.xlsx'));
    expect(book).toMatchObject({ kind: 'data', title: 'A register', outcome: 'read' });
    expect(outline(book)).toEqual([
      [
        'Whales',
        'Whales\nName\tSeen\tLength (m)\tShare\tAt\tAlive\nMoby Dick\t-17605\t25.5\t12.5 %\t06:30:00\tTRUE\n' +
          '白鯨\t2026-11-23 10:05:00\t0.3\t100 %\t\tFALSE',
      ],
      ['Ships & <men>', 'Ships & <men>\n\tPequod\n\t\t\tline one line two'],
    ]);
  });

  it('PowerPoint: slides in the order of the show, tables, notes (a file that python-pptx wrote)', async () => {
    const show = await read(join(office, 'lecture.pptx'));
    expect(show).toMatchObject({ kind: 'pptx', title: 'Lecture' });
    expect(outline(show)).toEqual([
      ['slide 1', 'Name\tLength\nMoby Dick\t25 m'],
      ['slide 2: The Whale', 'The Whale\n\nA lecture\n\nNotes: Greet the audience.'],
      ['slide 3: Kinds', 'Kinds\n\nSperm whale\nRight whale'],
    ]);
  });

  it('what is only named as an office document is refused', async () => {
    for (const name of ['a.docx', 'a.odt', 'a.pptx', 'a.xlsx'])
      await expect(readText(name, 'hello'), name).rejects.toMatchObject({ code: 'invalid-input' });
  });
});

describe('RTF', () => {
  it('Unicode, code pages, headings, tables; fields and pictures', async () => {
    const source =
      '{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0\\fcharset0 A;}{\\f1\\fcharset204 B;}}{\\stylesheet{\\s1 heading 1;}}' +
      '{\\info{\\title The Whale}{\\author X}}{\\*\\generator no;}' +
      "\\pard\\s1 Size\\par\\pard caf\\'e9 \\u8364? {\\f1 \\'cf\\'f0} {\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt link}}\\par" +
      '\\trowd\\intbl a\\cell b\\cell\\row\\intbl c\\cell d\\cell\\row\\pard{\\pict 00ff}end}';
    const document = await readText('a.rtf', source);
    expect(document).toMatchObject({ kind: 'rtf', title: 'The Whale', outcome: 'read' });
    expect(document.text).toBe('Size\n\ncafé € Пр link\n\na\tb\nc\td\n\nend');
    expect(document.sections.map(({ headings }) => headings)).toEqual([['Size']]);
    await expect(readText('b.rtf', '{'.repeat(20))).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(readText('c.rtf', `{\\rtf1 ${'{'.repeat(20_000)}`)).rejects.toThrow(/nested/);
  });
});

describe('mail', () => {
  const message = [
    'From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>',
    'To: a@example.org',
    'Subject: Whales',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<p>Call <b>me</b></p>',
    '--b',
    'Content-Type: application/pdf',
    'Content-Disposition: attachment; filename="a.pdf"',
    '',
    'x',
    '--b--',
    '',
  ].join('\r\n');

  it('a message: headers, HTML as text, attachments listed and said to be left out', async () => {
    const mail = await readText('a.eml', message);
    expect(mail).toMatchObject({ kind: 'mail', title: 'Whales', reason: '1 attachment left out' });
    expect(mail.text).toBe(
      'Subject: Whales\nFrom: Jürgen <j@example.org>\nTo: a@example.org\n\nCall me\n\nAttachments (left out): a.pdf (application/pdf)',
    );
  });

  it('a mailbox: each message a section; "From" inside a text opens none', async () => {
    const opening = 'From j@example.org Thu Oct 18 10:00:00 1851\n';
    const box = `${opening}Subject: one\n\nFrom here on\n\n${opening}Subject: two\n\nb\n`;
    const mail = await readText('a.mbox', box);
    expect(outline(mail)).toEqual([
      ['one', 'Subject: one\n\nFrom here on'],
      ['two', 'Subject: two\n\nb'],
    ]);
  });
});

describe('PDF', () => {
  it.skipIf(!has('pdfjs'))(
    'columns in reading order, words whole at line ends (skipped without data/pdfjs)',
    async () => {
      const { text, sections, kind } = await read('pdfjs/tracemonkey_a11y.pdf');
      expect(kind).toBe('pdf');
      expect(sections[0]?.headings).toEqual(['page 1']);
      const order = [
        'Abstract',
        'have measured speedups of 10x',
        'Permission to make digital',
        'Unlike method-based',
      ];
      const places = order.map((part) => text.indexOf(part));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      expect(places[0]).toBeGreaterThan(0);
      expect(text).toContain('more difficult to compile\nthan statically typed ones');
    },
  );

  it.skipIf(!has('pdfjs'))('what has no text or is locked says so (skipped without data/pdfjs)', async () => {
    await expect(read('pdfjs/issue7229.pdf')).rejects.toThrow(/no text layer: 2 pages/);
    await expect(read('pdfjs/print_protection.pdf')).rejects.toThrow(/locked with a password/);
    await expect(readText('a.pdf', '%PDF-1.7 nothing')).rejects.toMatchObject({ code: 'invalid-input' });
    const chinese = await read('pdfjs/XiaoBiaoSong.pdf');
    expect(chinese.text).toContain('关于红军作战的原则');
  });

  it.skipIf(!has('pdfjs'))('the outline gives the chapters (skipped without data/pdfjs)', async () => {
    const { sections } = await read('pdfjs/outlines_se.pdf');
    expect(sections.some(({ headings }) => headings.length >= 2)).toBe(true);
    expect(sections.every(({ headings }) => headings.at(-1)?.startsWith('page ') === true)).toBe(true);
  });
});
