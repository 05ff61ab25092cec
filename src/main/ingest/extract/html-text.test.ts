import { describe, expect, it } from 'vitest';

import { closeEmptyElements, htmlToText } from './html-text.ts';

const text = (html: string): string => htmlToText(html).text;

describe('htmlToText', () => {
  it.each([
    [
      'paragraphs and inline white space',
      '<p>One\n  <b>two</b> <i>three</i>.</p><p>Four</p>',
      'One two three.\n\nFour',
    ],
    ['line breaks', 'a<br>b<br/><br/>c', 'a\nb\n\nc'],
    [
      'lists',
      '<ul><li>a</li><li>b<ol start="3"><li>c</li><li>d</li></ol></li></ul>',
      '- a\n- b\n\n  3. c\n  4. d',
    ],
    [
      'tables',
      '<table><tr><th>Name</th><th></th></tr><tr><td>Ahab</td><td>captain</td></tr></table>',
      'Name | \nAhab | captain',
    ],
    ['pre keeps its white space', '<p>x</p><pre>a\n  b\n\n c</pre><p>y</p>', 'x\n\na\n  b\n\n c\n\ny'],
    [
      'ruby keeps the base',
      '<p><ruby>草<rt>くさ</rt>枕<rp>(</rp><rt>まくら</rt><rp>)</rp></ruby>だ</p>',
      '草枕だ',
    ],
    [
      'scripts, styles, hidden things are not text',
      '<head><title>T</title><style>p{}</style></head><script>alert(1)</script><p hidden>h</p><p>x</p><template>t</template>',
      'x',
    ],
    [
      'pictures by their alternative',
      '<p>A <img src="http://x/y.png" alt="whale"> here</p><img alt="">',
      'A [whale] here',
    ],
    ['NUL and entities', '<p>a&amp;b &lt;c&gt; &nope; \0</p>', 'a&b <c> &nope;'],
    ['nothing', '', ''],
  ])('%s', (_, html, expected) => {
    expect(text(html).replaceAll('\ufffd', '').trim()).toBe(expected.trim());
  });

  it('headings and anchors point at their text', () => {
    const html = '<h1>A <b>b</b></h1><p id="p">para</p><h3 id="h">C<br/>d</h3><a id="end"></a>';
    const found = htmlToText(html, new Set(['p', 'h', 'end', 'none']));
    expect(found.headings).toEqual([
      { level: 1, title: 'A b', start: 0 },
      { level: 3, title: 'C d', start: found.text.indexOf('C') },
    ]);
    expect([...found.anchors]).toEqual([
      ['p', found.text.indexOf('para')],
      ['h', found.text.indexOf('C')],
      ['end', found.text.length],
    ]);
  });

  it('empty-element tags of XHTML swallow nothing', () => {
    expect(
      text('<html><head><title/><script src="x"/></head><body><p>a</p><div/><p>b<br/>c</p></body></html>'),
    ).toBe('a\n\nb\nc');
    expect(closeEmptyElements('<a id="x"/>1 < 2 /> <img/><b />')).toBe(
      '<a id="x"></a>1 < 2 /> <img/><b ></b>',
    );
  });

  it('hostile input takes no more than linear work', () => {
    const started = process.cpuUsage();
    for (const bomb of [
      '<a "'.repeat(50_000),
      '/>'.repeat(100_000),
      '<'.repeat(200_000),
      `<!DOCTYPE x [${'<!ENTITY a "b">'.repeat(10_000)}`,
      '<ul><li>'.repeat(5000),
    ])
      text(bomb);
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(3);
  });
});
