/**
 * The fonts of the app, for PDF: the files of the @fontsource-variable packages, each with the characters that its
 * package says it has. Japanese is cut into about 120 files a family, so the file is chosen per character.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MissingFont } from './missing-font.ts';
import { OutlineFont } from './outline-font.ts';

export type Style = 'text' | 'italic' | 'bold' | 'boldItalic' | 'ui' | 'uiBold' | 'code';
export type AnyFont = OutlineFont | MissingFont;

interface Family {
  readonly name: string;
  /** of a file, behind its range: '-opsz-normal' */
  readonly kind: string;
  readonly axes: Readonly<Record<string, number>>;
}

const regular = 400;
const bold = 650;
const literata = (wght: number, slope = 'normal'): Family => ({
  name: 'literata',
  kind: `opsz-${slope}`,
  axes: { wght, opsz: 12 },
});
const inter = (wght: number): Family => ({ name: 'inter', kind: 'opsz-normal', axes: { wght, opsz: 14 } });
const plain = (name: string, wght: number): Family => ({ name, kind: 'wght-normal', axes: { wght } });

/** The first that has a character gives it. Japanese is never slanted. */
const families: Readonly<Record<Style, readonly Family[]>> = {
  text: [literata(regular), ...japanese('serif', regular)],
  italic: [literata(regular, 'italic'), literata(regular), ...japanese('serif', regular)],
  bold: [literata(bold), ...japanese('serif', bold)],
  boldItalic: [literata(bold, 'italic'), literata(bold), ...japanese('serif', bold)],
  ui: [inter(regular), ...japanese('sans', regular)],
  uiBold: [inter(600), ...japanese('sans', 600)],
  code: [plain('jetbrains-mono', regular), ...japanese('sans', regular)],
};

function japanese(kind: 'serif' | 'sans', wght: number): Family[] {
  const others = [inter(regular), plain('jetbrains-mono', regular), literata(regular)];
  return [plain(`noto-${kind}-jp`, wght), ...others];
}

/** Loads each file once, and each only when a character needs it. */
export class FontLibrary {
  readonly #fonts = new Map<string, OutlineFont>();
  readonly #ranges = new Map<string, ReadonlyMap<number, readonly string[]>>();
  readonly #chosen = new Map<Style, Map<number, AnyFont>>();
  readonly missing = new MissingFont();

  /** the font for a character; `missing` where none of the app's fonts has it */
  choose(codePoint: number, style: Style): AnyFont {
    const known = this.#chosen.get(style) ?? new Map<number, AnyFont>();
    this.#chosen.set(style, known);
    const font = known.get(codePoint) ?? this.#find(codePoint, families[style]);
    known.set(codePoint, font);
    return font;
  }

  #find(codePoint: number, from: readonly Family[]): AnyFont {
    for (const family of from) {
      for (const range of this.#rangesOf(family.name).get(codePoint) ?? []) {
        const font = this.#load(family, range);
        if (font.has(codePoint)) return font;
      }
    }
    return this.missing;
  }

  #load({ name, kind, axes }: Family, range: string): OutlineFont {
    const file = `${name}-${range}-${kind}.woff2`;
    const key = `${file} ${JSON.stringify(axes)}`;
    const loaded = this.#fonts.get(key);
    if (loaded !== undefined) return loaded;
    const postscriptName = `${name}-${range}-${kind}-${String(axes['wght'])}`;
    const font = new OutlineFont(readFileSync(packageFile(name, `files/${file}`)), {
      name: postscriptName,
      axes,
      // Inter and JetBrains Mono draw '->' as an arrow: what was typed shall stay what it was
      ligatures: name !== 'jetbrains-mono' && name !== 'inter',
    });
    this.#fonts.set(key, font);
    return font;
  }

  /** code point -> the files that may have it; the package names files with numbers '[12]' */
  #rangesOf(name: string): ReadonlyMap<number, readonly string[]> {
    const known = this.#ranges.get(name);
    if (known !== undefined) return known;
    const text = readFileSync(packageFile(name, 'unicode.json'), 'utf8');
    const ranges = new Map<number, string[]>();
    for (const [file, list] of Object.entries(JSON.parse(text) as Record<string, string>)) {
      for (const [, from = '', to = from] of list.matchAll(/U\+([0-9A-F]+)(?:-([0-9A-F]+))?/gi)) {
        for (let code = parseInt(from, 16); code <= parseInt(to, 16); code++) {
          const files = ranges.get(code) ?? [];
          files.push(file.replace(/[[\]]/g, ''));
          ranges.set(code, files);
        }
      }
    }
    this.#ranges.set(name, ranges);
    return ranges;
  }
}

function packageFile(name: string, path: string): string {
  return fileURLToPath(import.meta.resolve(`@fontsource-variable/${name}/${path}`));
}
