/** An mbox file as its messages (RFC 4155; quoting as in mboxrd). */

/** `From ` at the start of a line, with a time and a year, opens a message */
const opening = /^From \S.*\d{1,2}:\d{2}.*\d{4}/;
const longestOpening = 400;

export function isMbox(bytes: Buffer): boolean {
  return opening.test(lineAt(bytes, 0));
}

/** Bytes of each message, without its `From ` line; views into `bytes`, nothing is copied. */
export function* messagesOf(bytes: Buffer): Generator<Buffer> {
  let start = 0;
  for (let at = bytes.indexOf('\nFrom '); at >= 0; at = bytes.indexOf('\nFrom ', at + 1)) {
    // an empty line stands before it, in a file that keeps the rules; many do not
    if (!opening.test(lineAt(bytes, at + 1))) continue;
    yield withoutOpening(bytes.subarray(start, at + 1));
    start = at + 1;
  }
  yield withoutOpening(bytes.subarray(start));
}

function lineAt(bytes: Buffer, start: number): string {
  const text = bytes.toString('latin1', start, start + longestOpening);
  const end = text.indexOf('\n');
  return end < 0 ? text : text.slice(0, end);
}

function withoutOpening(message: Buffer): Buffer {
  const end = message.indexOf(0x0a);
  return end < 0 || !opening.test(lineAt(message, 0)) ? message : message.subarray(end + 1);
}
