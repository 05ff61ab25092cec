/** XML as a small tree. No entity is expanded and none is loaded: references that XML does not define stay as text. */
import { SaxesParser } from 'saxes';

import { AppError } from '../../../shared/errors.ts';

export interface XmlElement {
  /** without prefix */
  readonly name: string;
  /** by local name: `epub:type` is `type` */
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** its own character data, and that of what it contains */
  readonly text: string;
}

interface OpenElement {
  name: string;
  attributes: Record<string, string>;
  children: OpenElement[];
  text: string;
}

const maxDepth = 200;

/** Reads on after faults, as far as it goes: many books have some. @throws AppError 'invalid-input' without a root */
export function parseXml(source: string, what: string): XmlElement {
  const parser = new SaxesParser({ xmlns: false });
  const top: OpenElement = { name: '', attributes: {}, children: [], text: '' };
  const stack: OpenElement[] = [top];
  parser.on('error', () => undefined);
  parser.on('opentag', (tag) => {
    const element: OpenElement = { name: localName(tag.name), attributes: {}, children: [], text: '' };
    for (const [key, value] of Object.entries(tag.attributes)) element.attributes[localName(key)] = value;
    if (stack.length > maxDepth) throw new AppError('invalid-input', `${what} is nested too deeply.`);
    stack.at(-1)?.children.push(element);
    stack.push(element);
  });
  parser.on('closetag', () => {
    if (stack.length === 1) return;
    const closed = stack.pop();
    const parent = stack.at(-1);
    if (closed !== undefined && parent !== undefined) parent.text += closed.text;
  });
  const text = (data: string): void => {
    const open = stack.at(-1);
    if (open !== undefined) open.text += data;
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.write(source).close();
  const root = top.children[0];
  if (root === undefined) throw new AppError('invalid-input', `${what} is not XML.`, 'Get the file again.');
  return root;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** the first element of this name, in document order, at any depth */
export function find(element: XmlElement, name: string): XmlElement | null {
  return findAll(element, name)[0] ?? null;
}

export function findAll(element: XmlElement, name: string): readonly XmlElement[] {
  const found: XmlElement[] = [];
  const stack: XmlElement[] = [element];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next.name === name) found.push(next);
    stack.push(...next.children.toReversed());
  }
  return found;
}
