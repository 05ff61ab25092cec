/** Messages (.eml) and mailboxes (.mbox): headers, the text part or else the HTML part as text; attachments listed. */
import PostalMime, { type Address, type Attachment, type Email } from 'postal-mime';

import { htmlToText } from '../html-text.ts';
import { counted, TextWriter, type Alive, type Reading } from '../reading.ts';
import { isMbox, messagesOf } from './mbox.ts';

const mostMessages = 200_000;
const mostNesting = 64;
const mostHeaderBytes = 1 << 20;

export async function readMail(bytes: Buffer, alive: Alive): Promise<Reading> {
  const writer = new TextWriter();
  const problems: string[] = [];
  let attachments = 0;
  let number = 0;
  let subject: string | null = null;
  for (const message of isMbox(bytes) ? messagesOf(bytes) : [bytes]) {
    if (++number > mostMessages) {
      problems.push(`messages after ${String(mostMessages)} (the limit)`);
      break;
    }
    try {
      const mail = await PostalMime.parse(message, {
        maxNestingDepth: mostNesting,
        maxHeadersSize: mostHeaderBytes,
      });
      addMessage(mail, number, writer);
      attachments += mail.attachments.length;
      subject ??= mail.subject ?? null;
    } catch (error) {
      problems.push(`message ${String(number)} (${error instanceof Error ? error.message : String(error)})`);
    }
    alive();
  }
  const { text, sections } = writer.finish();
  return {
    kind: 'mail',
    text,
    title: number === 1 ? subject : null,
    language: null,
    encoding: 'mail',
    sections,
    problems,
    notes: attachments === 0 ? [] : [`${counted(attachments, 'attachment')} left out`],
  };
}

/** Bytes that are no mail give neither headers nor text, and then nothing is written. */
function addMessage(mail: Email, number: number, writer: TextWriter): void {
  const headers = [
    ['Subject', mail.subject],
    ['From', addresses([mail.from])],
    ['To', addresses(mail.to)],
    ['Cc', addresses(mail.cc)],
    ['Date', mail.date],
  ].flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name ?? ''}: ${value}`]));
  const body = bodyOf(mail);
  if (headers.length === 0 && body === '') return;
  writer.heading(1, mail.subject ?? `message ${String(number)}`);
  writer.add(headers.join('\n'));
  writer.add(body);
  if (mail.attachments.length > 0)
    writer.add(`Attachments (left out): ${mail.attachments.map(describe).join(', ')}`);
}

function bodyOf({ text, html }: Email): string {
  if (text !== undefined && text.trim() !== '') return text;
  return html === undefined ? '' : htmlToText(html).text;
}

function addresses(list: readonly (Address | undefined)[] | undefined): string {
  return (list ?? [])
    .map((one) => {
      if (one === undefined) return '';
      const { name, address = '' } = one;
      return name === '' || name === address ? address : `${name} <${address}>`;
    })
    .filter((one) => one !== '')
    .join(', ');
}

function describe({ filename, mimeType }: Attachment): string {
  return `${filename ?? 'unnamed'} (${mimeType})`;
}
