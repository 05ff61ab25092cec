/** What the sheets of a workbook share: strings, and the formats of numbers by style. */
import type { Archive } from '../../zip.ts';
import { formatOfCode, formatOfId, type NumberFormat } from './cell-number.ts';
import { readXmlText, walkXml } from './package.ts';

const sharedStrings = 'xl/sharedStrings.xml';
const styles = 'xl/styles.xml';

/** rich text without its styling, Japanese without its phonetic aids */
export async function readSharedStrings(archive: Archive): Promise<readonly string[]> {
  const strings: string[] = [];
  if (!archive.has(sharedStrings)) return strings;
  let [text, reads, phonetic] = ['', false, 0];
  walkXml(await readXmlText(archive, sharedStrings), {
    open: (name) => {
      if (name === 'si') text = '';
      else if (name === 't') reads = phonetic === 0;
      else if (name === 'rPh') phonetic++;
    },
    text: (run) => {
      if (reads) text += run;
    },
    close: (name) => {
      if (name === 't') reads = false;
      else if (name === 'rPh') phonetic--;
      else if (name === 'si') strings.push(text);
    },
  });
  return strings;
}

/** by the index that a cell's `s` names */
export async function readNumberFormats(archive: Archive): Promise<readonly NumberFormat[]> {
  const formats: NumberFormat[] = [];
  if (!archive.has(styles)) return formats;
  const own = new Map<number, NumberFormat>();
  let inCells = false;
  walkXml(await readXmlText(archive, styles), {
    open: (name, attributes) => {
      const id = Number(attributes['numFmtId'] ?? '0');
      if (name === 'numFmt') own.set(id, formatOfCode(attributes['formatCode'] ?? ''));
      else if (name === 'cellXfs') inCells = true;
      else if (name === 'xf' && inCells) formats.push(own.get(id) ?? formatOfId(id));
    },
    close: (name) => {
      if (name === 'cellXfs') inCells = false;
    },
  });
  return formats;
}
