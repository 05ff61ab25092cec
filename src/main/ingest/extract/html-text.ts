/**
 * HTML and XHTML to plain text: the standard's parser (parse5), then an iterative walk, so that no depth of nesting
 * overflows the stack. No script runs, no style is read, nothing is loaded.
 */
import { parse, type DefaultTreeAdapterTypes } from 'parse5';

import { TextBuilder } from './text-builder.ts';

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

export interface HeadingMark {
  /** 1 to 6 */
  readonly level: number;
  readonly title: string;
  /** offset in the text */
  readonly start: number;
}

export interface HtmlText {
  readonly text: string;
  readonly title: string | null;
  /** of the html element's lang attribute */
  readonly language: string | null;
  readonly headings: readonly HeadingMark[];
  /** offsets of the elements whose ids were asked for */
  readonly anchors: ReadonlyMap<string, number>;
}

/** nothing in these is read: code, style, fallbacks of media, pronunciation aids of ruby, MathML's annotations */
const silent = new Set([
  'script',
  'style',
  'head',
  'template',
  'iframe',
  'object',
  'audio',
  'video',
  'canvas',
  'rt',
  'rp',
  'rtc',
  'annotation',
  'annotation-xml',
  'select',
  'textarea',
  'button',
]);
/** a blank line before and after */
const blocks = new Set([
  'p',
  'blockquote',
  'pre',
  'table',
  'ul',
  'ol',
  'dl',
  'section',
  'article',
  'figure',
  'hr',
  'header',
  'footer',
  'aside',
  'main',
  'nav',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
]);
/** a line of their own */
const lines = new Set([
  'div',
  'li',
  'tr',
  'dt',
  'dd',
  'figcaption',
  'caption',
  'address',
  'center',
  'legend',
  'body',
]);
const voidElements = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'param',
  'source',
  'track',
  'wbr',
]);

/**
 * @param source HTML, or XHTML with its empty-element tags
 * @param wantedIds ids whose offsets are needed
 */
export function htmlToText(source: string, wantedIds: ReadonlySet<string> = new Set()): HtmlText {
  const document = parse(closeEmptyElements(withoutSubset(source)), { scriptingEnabled: false });
  return new Walk(wantedIds).run(document);
}

/** A document type's internal subset (entity declarations) is nothing that HTML knows: it would show up as text. */
function withoutSubset(source: string): string {
  const subset = /<!DOCTYPE[^[>]*\[/i.exec(source.slice(0, 4096));
  if (subset === null) return source;
  const end = /\]\s*>/.exec(source.slice(subset.index));
  return end === null
    ? source
    : source.slice(0, subset.index) + source.slice(subset.index + end.index + end[0].length);
}

/**
 * `<title/>` is complete in XHTML; to an HTML parser it opens a title that swallows the rest of the book.
 * One pass, linear also for hostile input.
 */
export function closeEmptyElements(source: string): string {
  let result = '';
  let done = 0;
  let before = 0;
  for (let end = source.indexOf('/>'); end >= 0; end = source.indexOf('/>', end + 2)) {
    const between = source.slice(before, end);
    before = end + 2;
    const tag = between.slice(between.lastIndexOf('<'));
    const name = /^<([A-Za-z][\w:.-]*)(?:\s|$)/.exec(tag.slice(0, 256))?.[1];
    if (name === undefined || voidElements.has(name.toLowerCase())) continue;
    result += `${source.slice(done, end)}></${name}>`;
    done = end + 2;
  }
  return result + source.slice(done);
}

class Walk {
  readonly #wantedIds: ReadonlySet<string>;
  readonly #out = new TextBuilder();
  readonly #headings: { level: number; title: string; start: number }[] = [];
  readonly #anchors = new Map<string, number>();
  /** of each open list: the number of the next item, or null for bullets */
  readonly #lists: (number | null)[] = [];
  /** is the next cell its row's first? */
  #firstCell = true;
  #title: string | null = null;
  #language: string | null = null;

  constructor(wantedIds: ReadonlySet<string>) {
    this.#wantedIds = wantedIds;
  }

  run(document: Node): HtmlText {
    const stack: { node: Node; leave: boolean }[] = [{ node: document, leave: false }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { node, leave } = top;
      if (node.nodeName === '#text' && 'value' in node) this.#out.text(node.value);
      if (!('childNodes' in node)) continue;
      if (!('tagName' in node)) {
        pushChildren(stack, node.childNodes);
        continue;
      }
      if (leave) this.#leave(node);
      else if (this.#enter(node)) {
        stack.push({ node, leave: true });
        pushChildren(stack, node.childNodes);
      }
    }
    return {
      text: this.#out.finish(),
      title: this.#title,
      language: this.#language,
      headings: this.#headings,
      anchors: this.#anchors,
    };
  }

  /** @returns whether to walk its children */
  #enter(element: Element): boolean {
    const name = element.tagName.toLowerCase();
    const id = attribute(element, 'id');
    if (id !== null && this.#wantedIds.has(id) && !this.#anchors.has(id))
      this.#out.mark((start) => this.#anchors.set(id, start));
    if (name === 'html') this.#language ??= attribute(element, 'lang') ?? attribute(element, 'xml:lang');
    if (name === 'head') this.#readHead(element);
    if (silent.has(name) || (attribute(element, 'hidden') !== null && name !== 'body')) return false;
    if (blocks.has(name)) this.#out.breakLines(2);
    else if (lines.has(name)) this.#out.breakLines(1);
    if (/^h[1-6]$/.test(name)) this.#heading(element, Number(name.slice(1)));
    else if (name === 'br') this.#out.lineBreak();
    else if (name === 'pre') this.#out.enterVerbatim();
    else if (name === 'img') this.#picture(element);
    else if (name === 'ul' || name === 'ol') this.#lists.push(name === 'ol' ? firstNumber(element) : null);
    else if (name === 'li') this.#item();
    else if (name === 'tr') this.#firstCell = true;
    else if (name === 'td' || name === 'th') this.#cell();
    return true;
  }

  #leave(element: Element): void {
    const name = element.tagName.toLowerCase();
    if (name === 'pre') this.#out.leaveVerbatim();
    if (name === 'ul' || name === 'ol') this.#lists.pop();
    if (blocks.has(name)) this.#out.breakLines(2);
    else if (lines.has(name)) this.#out.breakLines(1);
  }

  #readHead(head: Element): void {
    const title = head.childNodes.find((child) => child.nodeName === 'title');
    const text = title !== undefined && 'tagName' in title ? plainText(title) : '';
    if (text !== '') this.#title ??= text;
  }

  #heading(element: Element, level: number): void {
    const title = plainText(element);
    if (title === '') return;
    this.#out.mark((start) => this.#headings.push({ level, title, start }));
  }

  #picture(element: Element): void {
    const alternative = attribute(element, 'alt')?.trim() ?? '';
    if (alternative !== '') this.#out.text(`[${alternative}]`);
  }

  #item(): void {
    const last = this.#lists.length - 1;
    const number = this.#lists[last];
    const indent = '  '.repeat(Math.min(Math.max(0, last), 8));
    this.#out.prefix(`${indent}${number === null || number === undefined ? '-' : `${String(number)}.`} `);
    if (number !== null && number !== undefined) this.#lists[last] = number + 1;
  }

  #cell(): void {
    if (!this.#firstCell) this.#out.separator(' | ');
    this.#firstCell = false;
  }
}

function pushChildren(stack: { node: Node; leave: boolean }[], children: readonly Node[]): void {
  for (let index = children.length - 1; index >= 0; index--) {
    const node = children[index];
    if (node !== undefined) stack.push({ node, leave: false });
  }
}

function attribute(element: Element, name: string): string | null {
  return element.attrs.find((found) => found.name === name)?.value ?? null;
}

function firstNumber(element: Element): number {
  const start = Number(attribute(element, 'start') ?? '1');
  return Number.isSafeInteger(start) ? start : 1;
}

/** a heading's or a link's text in one line */
export function plainText(element: Element): string {
  let text = '';
  const stack: Node[] = [element];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (node.nodeName === '#text' && 'value' in node) text += node.value;
    if (node.nodeName === 'br') text += ' ';
    if (!('childNodes' in node) || silent.has(node.nodeName)) continue;
    stack.push(...node.childNodes.toReversed());
  }
  return text.replace(/\s+/g, ' ').trim();
}
