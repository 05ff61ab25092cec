/** The zip package of an office document: opened within limits, its XML read as a stream of events. */
import { SaxesParser } from 'saxes';

import { AppError } from '../../../../shared/errors.ts';
import { Archive, archiveLimits } from '../../zip.ts';
import { decodeBytes } from '../encoding.ts';
import { find, findAll, parseXml, type XmlElement } from '../xml.ts';

/** XML takes many times its size as objects: 512 MB of heap hold some 64 MB of it */
const limits = { ...archiveLimits, entryBytes: 64 * 2 ** 20, totalBytes: 512 * 2 ** 20 };
const mostDepth = 5_000;
/** characters given to the parser at once */
const chunk = 1 << 16;

/** @throws AppError 'unsupported' for an encrypted or old document, 'invalid-input' for what is damaged */
export async function openPackage(bytes: Buffer): Promise<Archive> {
  const start = bytes.toString('latin1', 0, 4);
  if (start === '\xd0\xcf\x11\xe0')
    throw new AppError(
      'unsupported',
      'It is encrypted with a password, or in the old binary format.',
      'Save a copy without a password in the current format, then update.',
    );
  if (!start.startsWith('PK'))
    throw new AppError(
      'invalid-input',
      'It is named as an office document, but is none.',
      'Get the file again.',
    );
  return Archive.open(bytes, limits);
}

export async function readXmlText(archive: Archive, name: string): Promise<string> {
  const bytes = await archive.read(name);
  const declared = /encoding\s*=\s*["']([\w.:-]+)/i.exec(bytes.toString('latin1', 0, 200))?.[1];
  return decodeBytes(bytes, declared).text;
}

export interface XmlEvents {
  /** @param name without prefix; attributes by local name */
  readonly open?: (name: string, attributes: Readonly<Record<string, string>>) => void;
  readonly close?: (name: string) => void;
  readonly text?: (text: string) => void;
}

/** Walks over XML without building it. No entity beyond XML's five is expanded. Reads on after faults. */
export function walkXml(source: string, events: XmlEvents): void {
  const parser = new SaxesParser({ xmlns: false });
  let depth = 0;
  parser.on('error', () => undefined);
  parser.on('opentag', (tag) => {
    if (++depth > mostDepth)
      throw new AppError('invalid-input', `It is nested more than ${String(mostDepth)} deep.`);
    const attributes: Record<string, string> = {};
    for (const [key, value] of Object.entries(tag.attributes)) attributes[localName(key)] = value;
    events.open?.(localName(tag.name), attributes);
  });
  parser.on('closetag', (tag) => {
    depth--;
    events.close?.(localName(tag.name));
  });
  const { text } = events;
  if (text !== undefined) {
    parser.on('text', text);
    parser.on('cdata', text);
  }
  for (let at = 0; at < source.length; at += chunk) parser.write(source.slice(at, at + chunk));
  parser.close();
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

export interface Relation {
  /** the last part of its type: 'slide', 'worksheet', 'notesSlide' … */
  readonly type: string;
  /** name in the archive */
  readonly target: string;
}

/** Relations of a part by their id; those to places outside of the archive are left out. */
export async function relationsOf(archive: Archive, part: string): Promise<ReadonlyMap<string, Relation>> {
  const at = part.lastIndexOf('/') + 1;
  const name = `${part.slice(0, at)}_rels/${part.slice(at)}.rels`;
  const relations = new Map<string, Relation>();
  if (!archive.has(name)) return relations;
  for (const element of findAll(parseXml(await readXmlText(archive, name), name), 'Relationship')) {
    const { Id = '', Type = '', Target = '', TargetMode } = element.attributes;
    const target = TargetMode === 'External' ? null : resolved(part.slice(0, at), Target);
    if (target !== null) relations.set(Id, { type: Type.slice(Type.lastIndexOf('/') + 1), target });
  }
  return relations;
}

function resolved(folder: string, target: string): string | null {
  const parts = target.startsWith('/') ? [] : folder.split('/').filter((part) => part !== '');
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** the title that a document says it has */
export async function titleOf(archive: Archive, part: string): Promise<string | null> {
  if (!archive.has(part)) return null;
  const root: XmlElement | null = await readXmlText(archive, part).then(
    (source) => parseXml(source, part),
    () => null,
  );
  const title = root === null ? '' : (find(root, 'title')?.text ?? '').replace(/\s+/g, ' ').trim();
  return title === '' ? null : title;
}

/** how many pictures lie in a folder of the archive */
export function picturesIn(archive: Archive, folder: string): number {
  return archive
    .names()
    .filter((name) => name.startsWith(folder) && /\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|webp)$/i.test(name))
    .length;
}
