/** The text of a PDF that pdfkit wrote, page by page, as a reader finds it: by way of each font's ToUnicode map. */
import { inflateSync } from 'node:zlib';

interface PdfObject {
  readonly head: string;
  readonly data: string;
}

export function pdfText(pdf: Buffer): string[] {
  const objects = objectsOf(pdf);
  const fonts = fontMaps(objects);
  const pages = [...objects.values()].filter(({ head }) => /\/Type \/Page\b/.test(head));
  return pages.map(({ head }) => {
    const contents = objects.get(Number(/\/Contents (\d+) 0 R/.exec(head)?.[1]))?.data ?? '';
    return textOf(contents, fonts);
  });
}

function objectsOf(pdf: Buffer): Map<number, PdfObject> {
  const text = pdf.toString('latin1');
  const objects = new Map<number, PdfObject>();
  for (const match of text.matchAll(/(?:^|\n)(\d+) 0 obj\n([^]*?)(?:\nstream\n|\nendobj)/g)) {
    const [whole, id = '', head = ''] = match;
    const length = Number(/\/Length (\d+)/.exec(head)?.[1] ?? 0);
    const start = match.index + whole.length;
    const bytes = whole.endsWith('stream\n') ? pdf.subarray(start, start + length) : Buffer.alloc(0);
    const data = /\/FlateDecode/.test(head)
      ? inflateSync(bytes).toString('latin1')
      : bytes.toString('latin1');
    objects.set(Number(id), { head, data });
  }
  return objects;
}

/** resource name ('F3') -> glyph -> text */
function fontMaps(objects: ReadonlyMap<number, PdfObject>): Map<string, Map<number, string>> {
  const fonts = new Map<string, Map<number, string>>();
  for (const { head } of objects.values()) {
    for (const [, name = '', id = ''] of head.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const map = /\/ToUnicode (\d+) 0 R/.exec(objects.get(Number(id))?.head ?? '')?.[1];
      if (map !== undefined) fonts.set(name, unicodeMap(objects.get(Number(map))?.data ?? ''));
    }
  }
  return fonts;
}

function unicodeMap(cmap: string): Map<number, string> {
  const map = new Map<number, string>();
  for (const [, from = '', , list = ''] of cmap.matchAll(/<(\w+)> <(\w+)> \[([^\]]*)\]/g)) {
    [...list.matchAll(/<([\w ]*)>/g)].forEach(([, hex = ''], index) => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      map.set(parseInt(from, 16) + index, bytes.swap16().toString('utf16le'));
    });
  }
  return map;
}

/** pieces on one baseline are one line */
function textOf(contents: string, fonts: ReadonlyMap<string, ReadonlyMap<number, string>>): string {
  let text = '';
  let font: ReadonlyMap<number, string> | undefined;
  let baseline = '';
  for (const [, y, name, array] of contents.matchAll(
    /1 0 0 1 [\d.-]+ ([\d.-]+) Tm|\/(F\d+) [\d.]+ Tf|\[(.*)\] TJ/g,
  )) {
    if (y !== undefined) {
      if (baseline !== '' && y !== baseline) text += '\n';
      baseline = y;
    } else if (name !== undefined) font = fonts.get(name);
    else
      for (const [, hex = ''] of (array ?? '').matchAll(/<(\w+)>/g))
        for (const [glyph] of hex.matchAll(/.{4}/g)) text += font?.get(parseInt(glyph, 16)) ?? '\uFFFD';
  }
  return text;
}
