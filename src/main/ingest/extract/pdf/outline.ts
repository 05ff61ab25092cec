/** The outline (bookmarks) of a PDF as a path of titles per page. */
import type { PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';

export interface OutlineEntry {
  /** 0-based */
  readonly page: number;
  /** 1 is the outermost */
  readonly level: number;
  readonly title: string;
}

type Node = Awaited<ReturnType<PDFDocumentProxy['getOutline']>>[number];

const mostEntries = 5_000;
const mostLevels = 8;

/** In reading order; what points nowhere is left out. A damaged outline is none. */
export async function readOutline(document: PDFDocumentProxy): Promise<readonly OutlineEntry[]> {
  const entries: OutlineEntry[] = [];
  const outline = (await document.getOutline().catch(() => null)) as readonly Node[] | null;
  const stack = (outline ?? []).map((node) => ({ node, level: 1 })).reverse();
  for (let next = stack.pop(); next !== undefined && entries.length < mostEntries; next = stack.pop()) {
    const { node, level } = next;
    const title = node.title.replace(/[\s\0]+/g, ' ').trim();
    const page = title === '' ? null : await pageOf(document, node.dest).catch(() => null);
    if (page !== null) entries.push({ page, level, title: title.slice(0, 300) });
    if (level < mostLevels)
      stack.push(...node.items.map((child: Node) => ({ node: child, level: level + 1 })).reverse());
  }
  return entries.sort((a, b) => a.page - b.page);
}

async function pageOf(document: PDFDocumentProxy, target: unknown): Promise<number | null> {
  const explicit: unknown = typeof target === 'string' ? await document.getDestination(target) : target;
  if (!Array.isArray(explicit)) return null;
  const reference: unknown = explicit[0];
  if (typeof reference === 'number') return Number.isInteger(reference) ? reference : null;
  if (typeof reference !== 'object' || reference === null || !('num' in reference)) return null;
  return document.getPageIndex(reference as Parameters<PDFDocumentProxy['getPageIndex']>[0]);
}
