import { describe, expect, it } from 'vitest';
import { blocksOf } from './blocks.ts';

describe('blocksOf', () => {
  it('gives one block for each at the top', () => {
    const blocks = blocksOf('# Title\n\nText\nmore.\n\n- a\n- b\n\n```ts title="x"\nlet a;\n```\n\n> quoted');
    expect(blocks.map((block) => (block.kind === 'code' ? block : block.html.slice(0, 4)))).toEqual([
      '<h1>',
      '<p>T',
      '<ul>',
      { kind: 'code', text: 'let a;', language: 'ts' },
      '<blo',
    ]);
  });

  it('sets math as text in an element of its own', () => {
    const [line] = blocksOf('Here $a^2 < b$ and \\(c\\).');
    expect(line).toEqual({
      kind: 'html',
      html: '<p>Here <span class="math">a^2 &lt; b</span> and <span class="math">c</span>.</p>\n',
    });
    for (const text of ['$$\nx\n$$', '\\[x\\]', '$$x$$'])
      expect(blocksOf(text)).toEqual([{ kind: 'html', html: '<div class="math display">x</div>\n' }]);
  });

  it('takes money for money', () => {
    for (const text of ['It costs $5 and $6.', '$ 5 $', 'a $5', '$HOME/bin:$PATH is set'])
      expect(JSON.stringify(blocksOf(text))).not.toContain('math');
  });

  it('leaves math in code alone', () => {
    expect(JSON.stringify(blocksOf('`$a$`\n\n    $$b$$'))).not.toContain('math');
  });

  it('lets no HTML through', () => {
    const html = JSON.stringify(blocksOf('<script>alert(1)</script> $<img src=x>$ \n\n$$<b onclick=x>$$'));
    expect(html).not.toMatch(/<(script|img|b)\b/);
  });
});
