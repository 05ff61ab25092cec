import type { FileFormat, ScanEntry } from './types.ts';

/** bytes; larger texts are read in pieces */
export const longText = 16 * 2 ** 20;
/** bytes; larger files of other formats are not read: their readers need all of them at once */
export const largestWhole = 256 * 2 ** 20;

const inPieces: ReadonlySet<FileFormat> = new Set([
  'text',
  'code',
  'csv',
  'markdown',
  'rst',
  'org',
  'asciidoc',
  'latex',
]);

/** whether a format can be read without having all of it in memory */
export function canBePieces(format: FileFormat): boolean {
  return inPieces.has(format);
}

/** Texts that are long, and files of their own (those in archives are small, by the archive's limits). */
export function isReadInPieces({ kind, bytes, member }: ScanEntry): boolean {
  return kind !== null && canBePieces(kind) && bytes > longText && (member ?? null) === null;
}
