/** Finds the line of source code that defines a name, in any of the languages that are indexed. */
import type { Span } from './sentences.ts';
import { lines } from './sentences.ts';

const DEFINING_WORD =
  /\b(?:function|class|interface|type|enum|struct|trait|impl|def|fn|func|const|let|var|static|module|namespace|macro|define|record|object|protocol|sub|proc|void|int|public|private|export)\b|[:=]\s*(?:async\s+)?(?:function|\()/;

/**
 * The first line that names the identifier beside a defining word; else the first that names it. Comments don't count.
 * @returns offsets in `text`, or null when the name is not there
 */
export function definitionLine(name: string, text: string): Span | null {
  const named = new RegExp(`(?<![\\p{L}\\p{N}_$])${escape(name)}(?![\\p{L}\\p{N}_$])`, 'u');
  let first: Span | null = null;
  for (const span of lines(text)) {
    const line = text.slice(span.start, span.end);
    if (!named.test(line) || isComment(line)) continue;
    if (DEFINING_WORD.test(line.replace(named, ' '))) return span;
    first ??= span;
  }
  return first;
}

/** Whether a line that names the identifier has a defining word beside it. */
export function isDefining(line: string, name: string): boolean {
  return DEFINING_WORD.test(line.replace(name, ' '));
}

function isComment(line: string): boolean {
  return /^(?:\/\/|\/?\*|#(?!define)|--|;;)/.test(line);
}

function escape(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
