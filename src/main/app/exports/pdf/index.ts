/** A conversation as PDF, for reading and printing: A4, the app's own fonts, text that can be searched and copied. */
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { createMarkdown } from '../../../../shared/markdown/index.ts';
import type { Message } from '../../../../shared/model/index.ts';
import { languageOf } from '../../../../shared/text/language.ts';
import { oneLine, shownMessages, titleOf, type ConversationTree } from '../tree.ts';
import { aboutLine, dateOf, endingOf, placeOf, receiptLine, speakerOf } from '../words.ts';
import { drawBlocks } from './blocks.ts';
import { FontLibrary } from './font-library.ts';
import { ink2, ink3, pine, Sheet } from './sheet.ts';

/** ms of layout after which others get a turn: the core answers while it writes a PDF */
const turn = 30;

export interface PdfWriter {
  write(tree: ConversationTree): Promise<Buffer>;
}

/** Fonts are loaded once for all that one writer writes. */
export function createPdfWriter(): PdfWriter {
  const fonts = new FontLibrary();
  return { write: (tree) => writePdf(tree, fonts) };
}

async function writePdf(tree: ConversationTree, fonts: FontLibrary): Promise<Buffer> {
  const messages = shownMessages(tree);
  const title = titleOf(tree);
  const changed = new Date(tree.conversation.updatedAt);
  const document = new PDFDocument({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    lang: languageOf([title, ...messages.map((message) => message.content)].join('\n')) ?? 'en',
    displayTitle: true,
    info: {
      Title: title.toWellFormed(),
      Creator: 'Longleaf',
      Producer: 'Longleaf',
      ...(Number.isNaN(changed.getTime()) ? {} : { CreationDate: changed, ModDate: changed }),
    },
  });
  const bytes = buffer(document as unknown as AsyncIterable<Uint8Array>);
  const sheet = new Sheet(document, fonts);
  const pause = breather();
  sheet.paragraph([{ text: title, style: 'bold' }], { size: 20, leading: 27 });
  sheet.space(4);
  sheet.paragraph([{ text: aboutLine(tree), style: 'ui', colour: ink3 }], small);
  sheet.space(10);
  sheet.rule();
  sheet.space(14);
  let notes = 0;
  for (const message of messages) {
    await drawMessage(sheet, message, notes, pause);
    notes += message.citations?.length ?? 0;
  }
  sheet.number();
  document.end();
  return bytes;
}

const small = { size: 8, leading: 12 };

async function drawMessage(
  sheet: Sheet,
  message: Message,
  notesBefore: number,
  pause: () => Promise<void>,
): Promise<void> {
  sheet.need(48);
  sheet.paragraph([{ text: speakerOf(message), style: 'uiBold', colour: ink2 }], small);
  sheet.space(4);
  if (message.role === 'user') {
    const look = { size: 9.5, leading: 15, ground: true, keep: true };
    for (const line of message.content.split(/\r\n?|\n/)) {
      sheet.paragraph([{ text: line, style: 'ui' }], look);
      await pause();
    }
    sheet.space(6);
  } else {
    await drawBlocks(sheet, createMarkdown().parse(message.content.toWellFormed(), {}), pause);
  }
  drawFoot(sheet, message, notesBefore);
  sheet.space(16);
}

/** how it ended, its citations as notes, what was read for it */
function drawFoot(sheet: Sheet, message: Message, notesBefore: number): void {
  const ending = endingOf(message);
  if (ending !== null) sheet.paragraph([{ text: ending, style: 'ui', colour: ink3 }], small);
  for (const [index, citation] of (message.citations ?? []).entries()) {
    const number = `${String(notesBefore + index + 1)}  `;
    sheet.paragraph(
      [
        { text: number, style: 'uiBold', colour: pine },
        { text: placeOf(citation), style: 'ui', colour: ink2 },
      ],
      small,
    );
    const quote = `“${oneLine(citation.quote)}”`;
    sheet.paragraph([{ text: quote, style: 'text', colour: ink2 }], { size: 9, leading: 13.5, indent: 12 });
    sheet.space(3);
  }
  const receipt = message.receipt === undefined ? [] : [`Context: ${receiptLine(message.receipt)}`];
  const facts = [...receipt, dateOf(message.createdAt)].filter((fact) => fact !== '').join(' · ');
  if (facts !== '') sheet.paragraph([{ text: facts, style: 'ui', colour: ink3 }], small);
}

function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < turn) return;
    await setImmediate();
    last = performance.now();
  };
}
