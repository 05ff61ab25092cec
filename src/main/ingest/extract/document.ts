/** One file to one document. Runs in a worker thread. */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

import type { Encoding } from '../../../shared/encodings.ts';
import { AppError } from '../../../shared/errors.ts';
import type { ContentHash } from '../../../shared/model/index.ts';
import { readMember } from '../archive/open-archive.ts';
import { contentHash } from '../chosen-encoding.ts';
import { readError } from '../read-error.ts';
import type { ArchiveMember, ExtractedDocument, FileFormat } from '../types.ts';
import type { Alive, Reading } from './reading.ts';
import { readTextual } from './textual.ts';

/** what is told one by one */
const mostNamed = 5;

export interface FileToRead {
  readonly absolutePath: string;
  readonly kind: FileFormat;
  readonly member: ArchiveMember | null;
  /** of a text file, chosen by the user */
  readonly encoding: Encoding | null;
}

/** @throws AppError 'invalid-input', 'unsupported', 'not-found': why nothing could be read */
export async function extractDocument(file: FileToRead, alive: Alive): Promise<ExtractedDocument> {
  const bytes = file.member === null ? readWhole(file.absolutePath) : await readMember(file.member);
  const hash = contentHash(createHash('sha256').update(bytes).digest('hex') as ContentHash, file.encoding);
  const { problems, notes, ...reading } = await read(bytes, file, alive);
  if (reading.text.trim() === '') throw nothingIn(problems, notes);
  return {
    hash,
    ...reading,
    outcome: problems.length === 0 ? 'read' : 'partly',
    reason: reasonOf(problems, notes),
  };
}

/** A reader is loaded when its first file comes: most libraries need few of them. */
async function read(
  bytes: Buffer,
  { absolutePath, kind, encoding }: FileToRead,
  alive: Alive,
): Promise<Reading> {
  switch (kind) {
    case 'epub':
      return (await import('./epub.ts')).readEpub(bytes);
    case 'pdf':
      return (await import('./pdf/pdf.ts')).readPdf(bytes, alive);
    case 'docx':
      return (await import('./office/docx.ts')).readDocx(bytes);
    case 'odf':
      return (await import('./office/odf.ts')).readOdf(bytes);
    case 'pptx':
      return (await import('./office/pptx.ts')).readPptx(bytes);
    case 'xlsx':
      return (await import('./office/xlsx.ts')).readXlsx(bytes, alive);
    case 'mail':
      return (await import('./mail/mail.ts')).readMail(bytes, alive);
    default:
      return readTextual(bytes, kind, absolutePath, encoding);
  }
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

function nothingIn(problems: readonly string[], notes: readonly string[]): AppError {
  const why = problems.length > 0 ? ` Not read: ${listed(problems)}.` : '';
  const also = notes.length > 0 ? ` (${listed(notes)})` : '';
  return new AppError('unsupported', `There is nothing in it: no text, or only white space${also}.${why}`);
}

function reasonOf(problems: readonly string[], notes: readonly string[]): string | null {
  const parts: string[] = [];
  if (problems.length > 0) parts.push(`Not read: ${listed(problems)}`);
  if (notes.length > 0) parts.push(capitalised(listed(notes)));
  return parts.length === 0 ? null : parts.join('. ');
}

function listed(parts: readonly string[]): string {
  const more = parts.length - mostNamed;
  const named = parts.slice(0, mostNamed).join('; ');
  return more > 0 ? `${named}; and ${String(more)} more` : named;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
