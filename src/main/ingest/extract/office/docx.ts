/** Word documents: mammoth makes HTML of them (headings, lists, tables, foot- and endnotes, comments), that text. */
import mammoth from 'mammoth';

import { AppError } from '../../../../shared/errors.ts';
import type { Archive } from '../../zip.ts';
import { htmlToText } from '../html-text.ts';
import { counted, type Reading } from '../reading.ts';
import { sectionsOf } from '../sections.ts';
import { openPackage, titleOf } from './package.ts';

/** @throws AppError 'unsupported', 'invalid-input' */
export async function readDocx(bytes: Buffer): Promise<Reading> {
  const archive = await openPackage(bytes);
  if (!archive.names().some((name) => name.startsWith('word/')))
    throw new AppError(
      'invalid-input',
      'It is no Word document: the folder "word" is missing.',
      'Get the file again.',
    );
  const file = new PackageFile(archive);
  const { html, pictures } = await convert(file);
  const { text, headings } = htmlToText(html);
  const title = await titleOf(archive, 'docProps/core.xml');
  const notes = pictures === 0 ? [] : [`${counted(pictures, 'picture')} left out`];
  const embedded = archive.names().filter((name) => name.startsWith('word/embeddings/')).length;
  return {
    kind: 'docx',
    text,
    title: title ?? headings.find(({ level }) => level === 1)?.title ?? null,
    language: null,
    encoding: 'docx',
    sections: sectionsOf(text, headings),
    problems: file.chunks === 0 ? [] : [`${counted(file.chunks, 'part')} in another format (altChunk)`],
    notes: embedded === 0 ? notes : [...notes, `${counted(embedded, 'embedded file')} left out`],
  };
}

/** What mammoth reads from: our archive with its limits in place of its own, which has none. */
class PackageFile {
  /** parts of the text that are files of another format */
  chunks = 0;
  readonly #archive: Archive;

  constructor(archive: Archive) {
    this.#archive = archive;
  }

  exists(name: string): boolean {
    return this.#archive.has(name);
  }

  async read(name: string, encoding?: string): Promise<string | Uint8Array> {
    const bytes = await this.#archive.read(name);
    if (encoding === undefined) return bytes;
    if (encoding === 'base64') return bytes.toString('base64');
    const text = new TextDecoder(encoding).decode(bytes);
    if (!/^word\/[^/]+\.xml$/.test(name)) return text;
    this.chunks += text.split('<w:altChunk ').length - 1;
    return withAllText(text);
  }
}

/** Mammoth knows neither ruby, nor moved text, nor formulas: their text would be lost without a word. */
function withAllText(xml: string): string {
  return xml
    .replace(/<w:rt>[\s\S]*?<\/w:rt>|<w:rubyPr>[\s\S]*?<\/w:rubyPr>/g, '')
    .replace(/<\/?w:ruby(?:Base)?>/g, '')
    .replace(/<(\/?)w:moveTo(?=[\s>])/g, '<$1w:ins')
    .replace(/<m:oMath>[\s\S]*?<\/m:oMath>/g, (formula) => {
      const text = [...formula.matchAll(/<m:t(?:\s[^>]*)?>([^<]*)<\/m:t>/g)]
        .map((match) => match[1])
        .join('');
      return `<w:r><w:t xml:space="preserve">${text}</w:t></w:r>`;
    });
}

async function convert(file: PackageFile): Promise<{ html: string; pictures: number }> {
  let pictures = 0;
  const convertImage = mammoth.images.imgElement(() => {
    pictures++;
    return Promise.resolve({ src: '' });
  });
  // the door that mammoth's own tests use; its types name only whole files
  const input = { file } as unknown as Parameters<typeof mammoth.convertToHtml>[0];
  try {
    const { value } = await mammoth.convertToHtml(input, {
      convertImage,
      includeEmbeddedStyleMap: false,
      styleMap: ['comment-reference => sup'],
    });
    // the links that lead from a note back to its place
    return { html: value.replace(/<a href="#[\w-]*(?:note|comment)-ref-[\w-]*">↑<\/a>/g, ''), pictures };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw refusal(error);
  }
}

function refusal(error: unknown): AppError {
  const cause = { cause: error };
  if (error instanceof RangeError)
    return new AppError('invalid-input', 'Its parts are nested too deeply to be read.', undefined, cause);
  const message = error instanceof Error ? error.message : String(error);
  return new AppError(
    'invalid-input',
    `It is not a readable Word document (${message}).`,
    'Get the file again.',
    cause,
  );
}
