/** Jupyter notebooks (nbformat 3 and 4): cells in order, outputs as text; pictures are dropped, and that is said. */
import * as v from 'valibot';

import { counted, TextWriter, type TextReading } from './reading.ts';
import { markdownSections } from './sections.ts';

const multiline = v.union([v.string(), v.array(v.string())]);
const output = v.looseObject({
  text: v.optional(multiline),
  data: v.optional(v.record(v.string(), v.unknown())),
  ename: v.optional(v.string()),
  evalue: v.optional(v.string()),
});
const cell = v.looseObject({
  cell_type: v.optional(v.string()),
  source: v.optional(multiline),
  input: v.optional(multiline),
  outputs: v.optional(v.array(output)),
  attachments: v.optional(v.record(v.string(), v.unknown())),
});
const notebook = v.looseObject({
  cells: v.optional(v.array(cell)),
  worksheets: v.optional(v.array(v.looseObject({ cells: v.array(cell) }))),
  metadata: v.optional(
    v.looseObject({ kernelspec: v.optional(v.looseObject({ language: v.optional(v.string()) })) }),
  ),
});

/** @returns null for what is no notebook: then it is JSON, and shown as that */
export function notebookDocument(source: string): TextReading | null {
  const found = v.safeParse(notebook, parsed(source));
  if (!found.success) return null;
  const cells = found.output.cells ?? found.output.worksheets?.flatMap((sheet) => sheet.cells);
  if (cells === undefined) return null;
  const writer = new TextWriter();
  let pictures = 0;
  for (const { cell_type: type, source: text, input, outputs = [], attachments } of cells) {
    const body = joined(text ?? input);
    if (type === 'markdown' || type === 'heading') addMarkdown(writer, body);
    else writer.add(body);
    pictures += Object.keys(attachments ?? {}).length;
    for (const one of outputs) pictures += addOutput(writer, one);
  }
  const { text, sections } = writer.finish();
  const title = sections.find(({ headings }) => headings.length === 1)?.headings[0] ?? null;
  const language = found.output.metadata?.kernelspec?.language?.toLowerCase() ?? null;
  const verb = pictures === 1 ? 'is' : 'are';
  const notes = pictures === 0 ? [] : [`${counted(pictures, 'picture')} ${verb} left out`];
  return { kind: 'notebook', text, title, language, sections, notes };
}

function parsed(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return null;
  }
}

function joined(lines: string | readonly string[] | undefined): string {
  return typeof lines === 'string' ? lines : (lines ?? []).join('');
}

function addMarkdown(writer: TextWriter, source: string): void {
  for (const { start, end, headings } of markdownSections(source)) {
    const text = source.slice(start, end);
    const title = headings.at(-1);
    if (title !== undefined)
      writer.heading(/^ {0,3}(#{1,6})/.exec(text)?.[1]?.length ?? headings.length, title);
    writer.add(text);
  }
}

/** @returns pictures in it */
function addOutput(
  writer: TextWriter,
  { text, data = {}, ename, evalue }: v.InferOutput<typeof output>,
): number {
  const said = data['text/plain'] ?? text;
  const lines = v.safeParse(multiline, said);
  // colours of a terminal say nothing here
  if (lines.success) writer.add(joined(lines.output).replace(/\x1b\[[\d;]*[A-Za-z]/g, ''));
  if (ename !== undefined) writer.add(`${ename}: ${evalue ?? ''}`);
  return Object.keys(data).some((type) => type.startsWith('image/')) ? 1 : 0;
}
