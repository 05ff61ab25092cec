/** Citations and receipts as lines of text: for an answer just given, and for old ones. */
import type { Citation, Receipt } from '../../shared/model/index.ts';
import { count, printable } from './output.ts';

/** `[1] path:line, section` and the quote below it; nothing for an answer without citations. */
export function citationLines(citations: readonly Citation[]): readonly string[] {
  return citations.flatMap((citation, index) => {
    const line = citation.lineStart === undefined ? '' : `:${citation.lineStart}`;
    const section = citation.section ? `  (${printable(citation.section)})` : '';
    return [
      `[${index + 1}] ${printable(citation.path)}${line}${section}`,
      `    “${printable(citation.quote).replace(/\s+/g, ' ').trim()}”`,
    ];
  });
}

/** Where every token went, in one line; sources that were not taken whole say so below it. */
export function receiptLine(receipt: Receipt): string {
  const { offered, reused, read, pending, dropped, passages, overhead, exact, sparse } = receipt;
  const parts = [
    `${count(offered)} offered = ${count(reused)} reused + ${count(read)} read + ${count(pending)} pending + ${count(dropped)} dropped`,
    `passages ${count(passages)}`,
    `overhead ${count(overhead)}`,
    `reach ${count(exact)} exact + ${count(sparse)} sparse`,
  ];
  return `Context (tokens): ${parts.join('; ')}`;
}

/** What was computed on, where that was left to the program. */
export function autoLines({ auto }: Receipt): readonly string[] {
  if (auto === undefined) return [];
  const where = auto.backend === 'webgpu' ? 'the graphics card' : 'the processor';
  return [`Computed on ${where}: ${printable(auto.reason)}`];
}

/** What a source has to say beyond the sums: that it is indexed only, what was dropped or waits, and why. */
export function sourceLines(receipt: Receipt): readonly string[] {
  return receipt.sources.flatMap((source) => {
    const lines: string[] = [];
    if (source.indexed) {
      const { tokens, files, passages } = source.indexed;
      lines.push(
        `indexed: ${count(tokens)} tokens in ${count(files)} files, ${count(passages)} passages read`,
      );
    }
    if (source.pending > 0) lines.push(`${count(source.pending)} tokens pending${why(source.reason)}`);
    if (source.dropped > 0) lines.push(`${count(source.dropped)} tokens dropped${why(source.reason)}`);
    if (source.readAs !== undefined && source.readAs !== source.name)
      lines.push(`read as ${printable(source.readAs)}`);
    return lines.map((line) => `  ${printable(source.name)}: ${line}`);
  });
}

function why(reason: string | undefined): string {
  return reason ? ` (${printable(reason)})` : '';
}
