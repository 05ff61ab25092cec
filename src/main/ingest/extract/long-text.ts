/**
 * A text of any size, read in pieces: survey (hash, encoding), then decoding, normalisation, sections and passages piece
 * by piece. What is in memory does not depend on the file's size. A piece ends between paragraphs where there are any,
 * else between lines; offsets and lines count from the file's beginning.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

import iconv from 'iconv-lite';

import { AppError } from '../../../shared/errors.ts';
import type { ContentHash, Passage } from '../../../shared/model/index.ts';
import { contentHash } from '../chosen-encoding.ts';
import { makePassages } from '../passages/index.ts';
import { readError } from '../read-error.ts';
import type { ExtractedDocument, Section, TextPiece } from '../types.ts';
import type { FileToRead } from './document.ts';
import { decodeBytes } from './encoding.ts';
import type { Alive } from './reading.ts';
import { declaredEncoding, interpreted } from './textual.ts';

export interface LongTextOptions {
  /** tokens a passage, about */
  readonly targetTokens: number;
  readonly alive: Alive;
  /** resolves when the piece is taken care of; false: no more are wanted */
  readonly hand: (piece: TextPiece) => Promise<boolean>;
  /** code units of a piece, at most; 2^19 unless told */
  readonly pieceUnits?: number;
  /** bytes that are read at a time; 2^20 unless told */
  readonly chunkBytes?: number;
}

/** of sections that are kept of one text: they are sent to whoever opens it */
const mostSections = 20_000;
/** bytes of the beginning, and around the first that is not ASCII, by which the encoding is guessed */
const sampleBytes = 2 ** 17;

/**
 * @returns the document without its text, which was handed over
 * @throws AppError 'invalid-input', 'unsupported', 'not-found'; 'interrupted' when no more pieces were wanted
 */
export async function readLongText(file: FileToRead, options: LongTextOptions): Promise<ExtractedDocument> {
  const handle = openRegular(file.absolutePath);
  try {
    const { pieceUnits = 2 ** 19, chunkBytes = 2 ** 20 } = options;
    const surveyed = survey(handle, file, chunkBytes, options.alive);
    const decoder = new PieceDecoder(surveyed.encoding, pieceUnits);
    const writer = new PieceWriter(file, surveyed.hash, options);
    for (const chunk of chunks(handle, chunkBytes)) {
      options.alive();
      decoder.write(chunk);
      for (let text = decoder.take(); text !== null; text = decoder.take()) await writer.hand(text);
    }
    decoder.end();
    for (let text = decoder.take(); text !== null; text = decoder.take()) await writer.hand(text);
    const rest = decoder.rest();
    if (rest !== '') await writer.hand(rest);
    return writer.document(surveyed.encoding, decoder.faults);
  } finally {
    closeSync(handle);
  }
}

function openRegular(path: string): number {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw readError(error, path);
  }
  if (fstatSync(handle).isFile()) return handle;
  closeSync(handle);
  throw new AppError('invalid-input', 'It is not a regular file.');
}

/** from the beginning; each chunk is overwritten by the next */
function* chunks(handle: number, bytes: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  for (let position = 0; ;) {
    const read = readSync(handle, buffer, 0, bytes, position);
    if (read === 0) return;
    position += read;
    yield buffer.subarray(0, read);
  }
}

interface Survey {
  readonly hash: ContentHash;
  /** lower case; a guess ends with '?' */
  readonly encoding: string;
}

function survey(handle: number, file: FileToRead, chunkBytes: number, alive: Alive): Survey {
  const hash = createHash('sha256');
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let isUtf8 = true;
  let holdsNul = false;
  let foreignAt = -1;
  let size = 0;
  for (const chunk of chunks(handle, chunkBytes)) {
    alive();
    hash.update(chunk);
    holdsNul ||= chunk.includes(0);
    if (foreignAt < 0) {
      const found = chunk.findIndex((byte) => byte > 0x7f);
      if (found >= 0) foreignAt = size + found;
    }
    // ASCII is UTF-8: nothing has to be decoded before the first other byte
    if (isUtf8 && foreignAt >= 0) isUtf8 = decodes(strict, chunk);
    size += chunk.length;
  }
  if (isUtf8 && foreignAt >= 0) isUtf8 = decodes(strict, null);
  const digest = contentHash(hash.digest('hex') as ContentHash, file.encoding);
  if (file.encoding !== null) return { hash: digest, encoding: file.encoding };
  if (isUtf8 && !holdsNul && !holdsEscape(handle)) return { hash: digest, encoding: 'utf-8' };
  const sample = Buffer.concat([
    bytesAt(handle, 0, sampleBytes),
    foreignAt < sampleBytes ? Buffer.alloc(0) : bytesAt(handle, foreignAt & ~3, sampleBytes),
  ]);
  const { encoding } = decodeBytes(sample, declaredEncoding(sample, file.kind, file.absolutePath));
  return { hash: digest, encoding: isUtf8 && encoding.endsWith('?') ? 'utf-8' : encoding };
}

/** null: the end. An invalid sequence leaves the decoder unusable. */
function decodes(decoder: TextDecoder, chunk: Buffer | null): boolean {
  try {
    if (chunk === null) decoder.decode();
    else decoder.decode(chunk, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** escapes of ISO 2022, which pass as ASCII, are looked for in the sample only */
function holdsEscape(handle: number): boolean {
  return bytesAt(handle, 0, sampleBytes).includes(0x1b);
}

function bytesAt(handle: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(handle, buffer, 0, length, position));
}

interface StreamDecoder {
  write(bytes: Buffer): string;
  end(): string | undefined;
}

function decoderOf(encoding: string): StreamDecoder {
  const name = encoding.replace('?', '');
  if (name === 'johab' || name === 'iso-2022-kr')
    throw new AppError(
      'unsupported',
      `A text in ${name} can't be read in pieces, and it is too large to be read whole.`,
      'Convert it to UTF-8.',
    );
  // a mark at the beginning is taken away with what else has no place in a text
  if (name === 'utf-8' || name === 'iso-2022-jp') {
    const decoder = new TextDecoder(name, { ignoreBOM: true });
    return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
  }
  const unit = name.startsWith('utf-32') ? 4 : name.startsWith('utf-16') ? 2 : 1;
  return new WholeCharacters(iconv.getDecoder(name, { stripBOM: false }), unit);
}

/** bytes that no character of several bytes has behind its first, in any encoding that we read (GB 18030 has digits) */
const ALONE = 0x30;
/** bytes that are held back at most: a text without any such byte */
const mostHeld = 2 ** 12;

/** iconv-lite loses characters of several bytes that are torn apart (GB 18030), so it gets whole ones. */
class WholeCharacters implements StreamDecoder {
  readonly #decoder: StreamDecoder;
  /** bytes of a unit; 1: characters end where a byte stands alone */
  readonly #unit: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(decoder: StreamDecoder, unit: number) {
    this.#decoder = decoder;
    this.#unit = unit;
  }

  write(bytes: Buffer): string {
    const all = Buffer.concat([this.#held, bytes]);
    const end = this.#unit > 1 ? all.length - (all.length % this.#unit) : lastAlone(all);
    // copied: the chunk's memory is written over
    this.#held = Buffer.from(all.subarray(end));
    return this.#decoder.write(all.subarray(0, end));
  }

  end(): string {
    return this.#decoder.write(this.#held) + (this.#decoder.end() ?? '');
  }
}

/** the place after the last byte that is a character by itself; where there is none in sight, the end */
function lastAlone(bytes: Buffer): number {
  const least = Math.max(0, bytes.length - mostHeld);
  for (let at = bytes.length - 1; at >= least; at--) if ((bytes[at] as number) < ALONE) return at + 1;
  return bytes.length > mostHeld ? bytes.length : 0;
}

/** Bytes in, pieces of normalised text out: nothing is torn apart that belongs together. */
class PieceDecoder {
  readonly #decoder: StreamDecoder;
  readonly #units: number;
  #open = '';
  /** a carriage return, or the first half of a pair: what comes next decides what it is */
  #held = '';
  #isBegun = false;
  #isEnded = false;
  /** places that could not be decoded */
  faults = 0;

  constructor(encoding: string, units: number) {
    this.#decoder = decoderOf(encoding);
    this.#units = units;
  }

  write(bytes: Buffer): void {
    this.#add(this.#decoder.write(bytes));
  }

  end(): void {
    this.#add(this.#decoder.end() ?? '');
    const last = this.#held;
    this.#held = '';
    if (last !== '') this.#open += cleaned(last);
    this.#isEnded = true;
  }

  /** the next whole piece; null: there is none yet */
  take(): string | null {
    if (this.#open.length <= this.#units) return null;
    const end = pieceEnd(this.#open, this.#units);
    const piece = this.#open.slice(0, end);
    this.#open = this.#open.slice(end);
    return piece;
  }

  /** what is left at the end */
  rest(): string {
    if (!this.#isEnded) throw new AppError('internal', 'The text has not ended.');
    return this.#open;
  }

  #add(decoded: string): void {
    let text = this.#held + decoded;
    this.#held = '';
    if (text === '') return;
    if (!this.#isBegun && text.startsWith('\ufeff')) text = text.slice(1);
    this.#isBegun = true;
    const last = text.charCodeAt(text.length - 1);
    if (last === 0x0d || (last >= 0xd800 && last <= 0xdbff)) {
      this.#held = text.slice(-1);
      text = text.slice(0, -1);
    }
    for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) this.faults++;
    this.#open += cleaned(text);
  }
}

/** as `normalise`, but for the mark at the beginning */
function cleaned(text: string): string {
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return (lines.includes('\0') ? lines.replaceAll('\0', '\ufffd') : lines).toWellFormed();
}

/** after a blank line in the last half, else after a line end, else after a space, else where it must be */
function pieceEnd(text: string, most: number): number {
  const half = most >> 1;
  const last = text.slice(half, most);
  for (const border of ['\n\n', '\n', ' ']) {
    const at = last.lastIndexOf(border);
    if (at >= 0) return half + at + border.length;
  }
  const code = text.charCodeAt(most);
  // not between the halves of a surrogate pair
  return code >= 0xdc00 && code <= 0xdfff ? most - 1 : most;
}

/** Gives each piece its place, and hands it over. */
class PieceWriter {
  readonly #file: FileToRead;
  readonly #hash: ContentHash;
  readonly #options: LongTextOptions;
  #start = 0;
  #line = 1;
  #passages = 0;
  #holdsText = false;
  #first: Pick<ExtractedDocument, 'kind' | 'title' | 'language'> | null = null;
  #sections: Section[] = [];
  /** of the section that the last piece ended in */
  #headings: readonly string[] = [];

  constructor(file: FileToRead, hash: ContentHash, options: LongTextOptions) {
    this.#file = file;
    this.#hash = hash;
    this.#options = options;
  }

  async hand(text: string): Promise<void> {
    const reading = interpreted(text, this.#file.kind, this.#file.absolutePath);
    this.#first ??= reading;
    this.#holdsText ||= text.trim() !== '';
    const sections = this.#continued(reading.sections, text.length);
    const { kind, title, language } = this.#first;
    const document = { ...reading, kind, title, language, sections, hash: this.#hash, encoding: '' };
    const passages = makePassages(
      { ...document, outcome: 'read', reason: null },
      this.#options.targetTokens,
    ).map((passage): Passage => this.#moved(passage));
    const piece = { hash: this.#hash, kind, start: this.#start, line: this.#line, text, passages };
    const wantsMore = await this.#options.hand(piece);
    this.#options.alive();
    if (!wantsMore) throw new AppError('interrupted', 'The work was cancelled.');
    for (const { start, end, headings } of sections)
      if (this.#sections.length < mostSections)
        this.#sections.push({
          start: start + this.#start,
          end: end + this.#start,
          headings: headings.map(detached),
        });
    this.#start += text.length;
    this.#line += lineEnds(text);
    this.#passages += passages.length;
  }

  document(encoding: string, faults: number): ExtractedDocument {
    if (this.#first === null || !this.#holdsText)
      throw new AppError('unsupported', 'There is nothing in it: no text, or only white space.');
    const name = encoding.replace('?', ' (guessed)');
    const problem = `${String(faults)} places are not valid ${name}; they show as U+FFFD`;
    const guess = encoding.endsWith('?') ? `The encoding was guessed: ${encoding.slice(0, -1)}` : null;
    const notRead = faults > 0 ? `Not read: ${problem}` : null;
    return {
      hash: this.#hash,
      ...{ kind: this.#first.kind, title: this.#first.title, language: this.#first.language },
      text: '',
      length: this.#start,
      encoding,
      sections: this.#sections,
      outcome: faults > 0 ? 'partly' : 'read',
      reason: notRead === null && guess === null ? null : [notRead, guess].filter(Boolean).join('. '),
    };
  }

  /** A piece begins in the section that the one before ended in; the columns of a table head all of it. */
  #continued(found: readonly Section[], length: number): readonly Section[] {
    const isFirst = this.#start === 0;
    const sections: readonly Section[] =
      this.#file.kind === 'csv' && !isFirst
        ? [{ start: 0, end: length, headings: this.#headings }]
        : found.map((section, at) =>
            at === 0 && section.headings.length === 0 ? { ...section, headings: this.#headings } : section,
          );
    this.#headings = sections.at(-1)?.headings.map(detached) ?? this.#headings;
    return sections;
  }

  #moved(passage: Passage): Passage {
    return {
      ...passage,
      index: passage.index + this.#passages,
      start: passage.start + this.#start,
      end: passage.end + this.#start,
      lineStart: passage.lineStart + this.#line - 1,
      lineEnd: passage.lineEnd + this.#line - 1,
    };
  }
}

/** The same letters in memory of their own: a part cut out of a string holds on to all of it, here a piece of a megabyte. */
function detached(part: string): string {
  return Buffer.from(part).toString();
}

function lineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
