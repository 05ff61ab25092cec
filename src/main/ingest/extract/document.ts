/** One file to one document. Runs in a worker thread. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

import { AppError } from '../../../shared/errors.ts';
import type { ContentHash } from '../../../shared/model/index.ts';
import { kindOf } from '../kinds.ts';
import { readError } from '../read-error.ts';
import type { DocumentKind, ExtractedDocument } from '../types.ts';
import { decodeBytes } from './encoding.ts';
import { extractEpub } from './epub.ts';
import { markdownSections, plainTextSections } from './sections.ts';

/** problems that are told one by one */
const namedProblems = 5;

/** @throws AppError 'invalid-input', 'unsupported', 'not-found': why nothing could be read */
export async function extractDocument(absolutePath: string, kind: DocumentKind): Promise<ExtractedDocument> {
  const bytes = readWhole(absolutePath);
  const hash = createHash('sha256').update(bytes).digest('hex') as ContentHash;
  return kind === 'epub' ? epubDocument(bytes, hash) : textDocument(bytes, hash, absolutePath, kind);
}

function readWhole(absolutePath: string): Buffer {
  let handle: number;
  try {
    // without waiting: a pipe that has taken the file's place since the scan would block this thread for ever
    handle = openSync(absolutePath, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw readError(error, absolutePath);
  }
  try {
    if (!fstatSync(handle).isFile()) throw new AppError('invalid-input', 'It is not a regular file.');
    return readFileSync(handle);
  } catch (error) {
    throw error instanceof AppError ? error : readError(error, absolutePath);
  } finally {
    closeSync(handle);
  }
}

async function epubDocument(bytes: Buffer, hash: ContentHash): Promise<ExtractedDocument> {
  const book = await extractEpub(bytes);
  return {
    kind: 'epub',
    hash,
    text: book.text,
    title: book.title,
    language: book.language,
    encoding: 'utf-8',
    sections: book.sections,
    outcome: book.problems.length === 0 ? 'read' : 'partly',
    reason: problemsText(book.problems),
  };
}

function problemsText(problems: readonly string[]): string | null {
  if (problems.length === 0) return null;
  const more = problems.length - namedProblems;
  const named = problems.slice(0, namedProblems).join('; ');
  return more > 0 ? `Not read: ${named}; and ${String(more)} more` : `Not read: ${named}`;
}

function textDocument(
  bytes: Buffer,
  hash: ContentHash,
  path: string,
  kind: Exclude<DocumentKind, 'epub'>,
): ExtractedDocument {
  const decoded = decodeBytes(bytes);
  const text = normalise(decoded.text);
  if (text.trim() === '') throw new AppError('invalid-input', 'It holds no text, only white space.');
  const sections = sectionsOf(text, kind);
  return {
    kind,
    hash,
    text,
    title:
      kind === 'markdown'
        ? (sections.find((section) => section.headings.length === 1)?.headings[0] ?? null)
        : null,
    language: kind === 'code' ? kindOf(path).language : null,
    encoding: decoded.encoding,
    sections,
    outcome: decoded.faults === 0 ? 'read' : 'partly',
    reason:
      decoded.faults === 0
        ? null
        : `${String(decoded.faults)} places are not valid ${decoded.encoding.replace('?', ' (guessed)')}; they show as U+FFFD`,
  };
}

/** line ends \n; no byte-order mark; no NUL, which some tools take for the end */
function normalise(text: string): string {
  return text
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n')
    .replaceAll('\0', '\ufffd');
}

function sectionsOf(text: string, kind: DocumentKind): ExtractedDocument['sections'] {
  if (kind === 'markdown') return markdownSections(text);
  if (kind === 'text') return plainTextSections(text);
  return [{ start: 0, end: text.length, headings: [] }];
}
