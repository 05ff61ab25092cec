/** PowerPoint: slides in the order of the show as sections, tables as rows, speaker's notes after their slide. */
import { AppError } from '../../../../shared/errors.ts';
import type { Archive } from '../../zip.ts';
import { counted, TextWriter, type Reading } from '../reading.ts';
import { openPackage, picturesIn, readXmlText, relationsOf, titleOf, walkXml } from './package.ts';

interface SlideText {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

const presentation = 'ppt/presentation.xml';

/** @throws AppError 'unsupported', 'invalid-input' */
export async function readPptx(bytes: Buffer): Promise<Reading> {
  const archive = await openPackage(bytes);
  if (!archive.has(presentation))
    throw new AppError(
      'invalid-input',
      `It is no presentation: ${presentation} is missing.`,
      'Get the file again.',
    );
  const writer = new TextWriter();
  const problems: string[] = [];
  for (const [index, name] of (await slidesInOrder(archive)).entries()) {
    try {
      await addSlide(archive, name, index + 1, writer);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push(`slide ${String(index + 1)}: ${error.message}`);
    }
  }
  const { text, sections } = writer.finish();
  const pictures = picturesIn(archive, 'ppt/media/');
  return {
    kind: 'pptx',
    text,
    title: (await titleOf(archive, 'docProps/core.xml')) ?? null,
    language: null,
    encoding: 'pptx',
    sections,
    problems,
    notes: pictures === 0 ? [] : [`${counted(pictures, 'picture')} left out`],
  };
}

async function slidesInOrder(archive: Archive): Promise<readonly string[]> {
  const relations = await relationsOf(archive, presentation);
  const names: string[] = [];
  walkXml(await readXmlText(archive, presentation), {
    open: (name, { id = '' }) => {
      // `id` and `r:id` share a local name; the last one is the relation's
      const relation = name === 'sldId' ? relations.get(id) : undefined;
      if (relation?.type === 'slide') names.push(relation.target);
    },
  });
  return names;
}

async function addSlide(archive: Archive, name: string, number: number, writer: TextWriter): Promise<void> {
  const { title, paragraphs } = slideText(await readXmlText(archive, name));
  writer.heading(1, title === '' ? `slide ${String(number)}` : `slide ${String(number)}: ${title}`);
  if (title !== '') writer.add(title);
  for (const [index, paragraph] of paragraphs.entries()) writer.add(paragraph, index === 0 ? '\n\n' : '\n');
  const relations = [...(await relationsOf(archive, name)).values()];
  const notes = relations.find(({ type }) => type === 'notesSlide')?.target;
  if (notes === undefined || !archive.has(notes)) return;
  const said = slideText(await readXmlText(archive, notes)).paragraphs;
  if (said.length > 0) writer.add(`Notes: ${said.join('\n')}`);
}

/** numbers, dates and footers of a slide say nothing about it */
const decorations = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg']);

function slideText(source: string): SlideText {
  const paragraphs: string[] = [];
  let title = '';
  let place = '';
  let paragraph = '';
  let row: string[] | null = null;
  let cell = '';
  let inText = false;
  walkXml(source, {
    open: (name, attributes) => {
      if (name === 'sp' || name === 'graphicFrame') place = '';
      else if (name === 'ph') place = attributes['type'] ?? 'body';
      else if (name === 't') inText = true;
      else if (name === 'br') paragraph += '\n';
      else if (name === 'tr') row = [];
      else if (name === 'tc') cell = '';
    },
    text: (text) => {
      if (inText) paragraph += text;
    },
    close: (name) => {
      if (name === 't') inText = false;
      else if (name === 'tc') row?.push(cell.trim());
      else if (name === 'tr') {
        const line = row?.join('\t').trimEnd() ?? '';
        if (line !== '') paragraphs.push(line);
        row = null;
      } else if (name === 'p') {
        const text = paragraph.trim();
        paragraph = '';
        if (row !== null) cell += `${text.replace(/\s+/g, ' ')} `;
        else if (place === 'title' || place === 'ctrTitle')
          title = `${title} ${text.replace(/\s+/g, ' ')}`.trim();
        else if (text !== '' && !decorations.has(place)) paragraphs.push(text);
      }
    },
  });
  return { title, paragraphs };
}
