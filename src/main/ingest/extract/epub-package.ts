/** What an EPUB says about itself: container.xml, encryption.xml, the package document, the table of contents. */
import { parse, type DefaultTreeAdapterTypes } from 'parse5';

import { AppError } from '../../../shared/errors.ts';
import type { Archive } from '../zip.ts';
import { decodeBytes } from './encoding.ts';
import { closeEmptyElements, plainText } from './html-text.ts';
import { find, findAll, parseXml, type XmlElement } from './xml.ts';

export interface SpineItem {
  /** name in the archive, or null with the reason why it can't be read */
  readonly name: string | null;
  readonly href: string;
  readonly mediaType: string;
  readonly problem: string | null;
}

export interface TocEntry {
  /** name in the archive */
  readonly name: string;
  readonly fragment: string | null;
  /** titles from the outermost part to the entry itself */
  readonly path: readonly string[];
}

export interface EpubPackage {
  readonly title: string | null;
  readonly language: string | null;
  readonly spine: readonly SpineItem[];
  readonly toc: readonly TocEntry[];
}

interface ManifestItem {
  readonly href: string;
  readonly mediaType: string;
  readonly properties: readonly string[];
  readonly fallback: string | null;
}

/** these scramble fonts only (EPUB 3.3, section 4.2.6; Adobe's older way) */
const fontObfuscation = new Set(['http://www.idpf.org/2008/embedding', 'http://ns.adobe.com/pdf/enc#RC']);
const readableTypes = new Set([
  'application/xhtml+xml',
  'image/svg+xml',
  'text/html',
  'application/x-dtbook+xml',
  'text/x-oeb1-document',
]);

/** @throws AppError 'unsupported' for copy protection, 'invalid-input' for what is missing */
export async function readPackage(archive: Archive): Promise<EpubPackage> {
  const encrypted = await encryptedNames(archive);
  const opfName = await rootfileName(archive);
  const opf = parseXml(await readText(archive, opfName), 'The package document');
  const manifest = readManifest(opf);
  const spineElement = find(opf, 'spine');
  const spine = spineElement === null ? [] : readSpine(spineElement, manifest, opfName, archive);
  if (spine.length === 0)
    throw new AppError(
      'invalid-input',
      'Its package document lists nothing to read (no spine).',
      'Get the file again.',
    );
  if (spine.some((item) => item.name !== null && encrypted.has(item.name))) throw copyProtected();
  return {
    title: textOf(find(opf, 'metadata'), 'title'),
    language: textOf(find(opf, 'metadata'), 'language'),
    spine,
    toc: await readToc(archive, manifest, spineElement?.attributes['toc'] ?? null, opfName),
  };
}

/** XML and HTML alike: the declared encoding counts where the bytes are not UTF-8 */
export async function readText(archive: Archive, name: string): Promise<string> {
  const bytes = await archive.read(name);
  const declared = /(?:encoding|charset)\s*=\s*["']?([\w.:-]+)/i.exec(bytes.toString('latin1', 0, 1024))?.[1];
  return decodeBytes(bytes, declared).text;
}

/** @returns names of entries that are encrypted by more than font obfuscation */
async function encryptedNames(archive: Archive): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  if (!archive.has('META-INF/encryption.xml')) return names;
  const xml = parseXml(await readText(archive, 'META-INF/encryption.xml'), 'META-INF/encryption.xml');
  for (const data of findAll(xml, 'EncryptedData')) {
    const algorithm = find(data, 'EncryptionMethod')?.attributes['Algorithm'] ?? '';
    const uri = find(data, 'CipherReference')?.attributes['URI'] ?? '';
    const target = resolveHref('', uri);
    if (!fontObfuscation.has(algorithm) && target.name !== null) names.add(target.name);
  }
  return names;
}

function copyProtected(): AppError {
  return new AppError(
    'unsupported',
    'The book is copy-protected (DRM): its text is encrypted.',
    "Only the shop's own reader can open it; books without copy protection can be read here.",
  );
}

async function rootfileName(archive: Archive): Promise<string> {
  if (!archive.has('META-INF/container.xml'))
    throw new AppError(
      'invalid-input',
      'It is not an EPUB: META-INF/container.xml is missing.',
      'Get the file again.',
    );
  const container = parseXml(await readText(archive, 'META-INF/container.xml'), 'META-INF/container.xml');
  const files = findAll(container, 'rootfile');
  const chosen =
    files.find((file) => file.attributes['media-type'] === 'application/oebps-package+xml') ?? files[0];
  const target = resolveHref('', chosen?.attributes['full-path'] ?? '');
  if (target.name === null || !archive.has(target.name))
    throw new AppError(
      'invalid-input',
      `Its package document is missing (container.xml names "${chosen?.attributes['full-path'] ?? ''}").`,
      'Get the file again.',
    );
  return target.name;
}

function readManifest(opf: XmlElement): ReadonlyMap<string, ManifestItem> {
  const items = new Map<string, ManifestItem>();
  for (const item of findAll(opf, 'item')) {
    const { id, href } = item.attributes;
    if (id === undefined || href === undefined || items.has(id)) continue;
    items.set(id, {
      href,
      mediaType: item.attributes['media-type'] ?? '',
      properties: (item.attributes['properties'] ?? '').split(/\s+/),
      fallback: item.attributes['fallback'] ?? null,
    });
  }
  return items;
}

function readSpine(
  spine: XmlElement,
  manifest: ReadonlyMap<string, ManifestItem>,
  opfName: string,
  archive: Archive,
): readonly SpineItem[] {
  return findAll(spine, 'itemref').map((itemref) => {
    const id = itemref.attributes['idref'] ?? '';
    const item = readableItem(manifest, id);
    if (item === null) return missing(id, `the manifest has no item "${id}"`);
    if (!readableTypes.has(item.mediaType))
      return missing(item.href, `its type "${item.mediaType}" has no text`);
    const target = resolveHref(opfName, item.href);
    if (target.name === null) return missing(item.href, target.problem);
    if (!archive.has(target.name)) return missing(item.href, 'it is not in the archive');
    return { name: target.name, href: item.href, mediaType: item.mediaType, problem: null };
  });
}

function missing(href: string, problem: string): SpineItem {
  return { name: null, href, mediaType: '', problem };
}

/** the item, or the first of its fallbacks that has text */
function readableItem(manifest: ReadonlyMap<string, ManifestItem>, id: string): ManifestItem | null {
  const tried = new Set<string>();
  for (let next: string | null = id; next !== null && !tried.has(next);) {
    tried.add(next);
    const item: ManifestItem | undefined = manifest.get(next);
    if (item === undefined) break;
    if (readableTypes.has(item.mediaType)) return item;
    next = item.fallback;
  }
  return manifest.get(id) ?? null;
}

type Target =
  | { readonly name: string; readonly fragment: string | null }
  | { readonly name: null; readonly problem: string };

/**
 * A reference inside the archive. Nothing outside is ever read: neither an address of the network nor a path above
 * the archive's top has a name here.
 */
export function resolveHref(base: string, href: string): Target {
  if (/^[a-z][a-z0-9+.-]*:/i.test(href) || href.startsWith('//'))
    return { name: null, problem: 'it lies outside the archive (an address)' };
  const [path = '', fragment] = href.split('#', 2);
  const decoded = percentDecode(path.split('?', 1)[0] ?? '');
  const parts = decoded.startsWith('/') ? [] : base.split('/').slice(0, -1);
  if (decoded === '') return { name: base, fragment: percentDecode(fragment ?? '') };
  for (const part of decoded.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return { name: null, problem: 'it lies outside the archive (..)' };
  }
  const name = parts.join('/').normalize('NFC');
  return { name, fragment: fragment === undefined ? null : percentDecode(fragment) };
}

function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function textOf(parent: XmlElement | null, name: string): string | null {
  const text = parent === null ? '' : (find(parent, name)?.text ?? '').replace(/\s+/g, ' ').trim();
  return text === '' ? null : text;
}

/** EPUB 3's nav document, else EPUB 2's NCX, else nothing: headings must do then */
async function readToc(
  archive: Archive,
  manifest: ReadonlyMap<string, ManifestItem>,
  ncxId: string | null,
  opfName: string,
): Promise<readonly TocEntry[]> {
  const items = [...manifest.values()];
  const nav = items.find((item) => item.properties.includes('nav'));
  const ncx =
    (ncxId === null ? undefined : manifest.get(ncxId)) ??
    items.find((item) => item.mediaType === 'application/x-dtbncx+xml');
  for (const [item, read] of [
    [nav, navEntries],
    [ncx, ncxEntries],
  ] as const) {
    const target = item === undefined ? null : resolveHref(opfName, item.href);
    if (target === null || target.name === null || !archive.has(target.name)) continue;
    try {
      const entries = read(await readText(archive, target.name), target.name);
      if (entries.length > 0) return entries;
    } catch (error) {
      if (!(error instanceof AppError)) throw error; // a broken table of contents: the other one, or none
    }
  }
  return [];
}

function ncxEntries(source: string, name: string): TocEntry[] {
  const map = find(parseXml(source, 'The table of contents'), 'navMap');
  const entries: TocEntry[] = [];
  const visit = (point: XmlElement, above: readonly string[]): void => {
    const label = point.children.find((child) => child.name === 'navLabel');
    const title = (label?.text ?? '').replace(/\s+/g, ' ').trim();
    const content = point.children.find((child) => child.name === 'content');
    const path = title === '' ? above : [...above, title];
    addEntry(entries, name, content?.attributes['src'], path);
    for (const child of point.children) if (child.name === 'navPoint') visit(child, path);
  };
  for (const point of map?.children ?? []) if (point.name === 'navPoint') visit(point, []);
  return entries;
}

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

function navEntries(source: string, name: string): TocEntry[] {
  const nav = findNav(parse(closeEmptyElements(source)));
  const entries: TocEntry[] = [];
  const stack: { node: Node; path: readonly string[] }[] = nav === null ? [] : [{ node: nav, path: [] }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { node, path } = top;
    if (!('childNodes' in node)) continue;
    let below = path;
    if (node.nodeName === 'li') {
      const label = node.childNodes.find((child) => child.nodeName === 'a' || child.nodeName === 'span');
      if (label !== undefined && 'tagName' in label) {
        below = [...path, plainText(label)];
        addEntry(entries, name, label.attrs.find((found) => found.name === 'href')?.value, below);
      }
    }
    for (const child of node.childNodes.toReversed()) stack.push({ node: child, path: below });
  }
  return entries;
}

/** nav with epub:type="toc", else the first */
function findNav(document: Node): Element | null {
  let first: Element | null = null;
  const stack: Node[] = [document];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if ('tagName' in node && node.tagName === 'nav') {
      if (node.attrs.some((found) => found.name === 'epub:type' && /\btoc\b/.test(found.value))) return node;
      first ??= node;
    }
    if ('childNodes' in node) stack.push(...node.childNodes.toReversed());
  }
  return first;
}

function addEntry(
  entries: TocEntry[],
  base: string,
  href: string | undefined,
  path: readonly string[],
): void {
  if (href === undefined || path.length === 0) return;
  const target = resolveHref(base, href);
  if (target.name !== null) entries.push({ name: target.name, fragment: target.fragment, path });
}
