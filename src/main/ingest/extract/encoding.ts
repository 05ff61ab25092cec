/**
 * Bytes to text: byte-order mark, ISO 2022 escapes, strict UTF-8, the pattern of UTF-16 and UTF-32, then a guess by
 * statistics (jschardet), decoded by iconv-lite. What was taken is reported.
 */
import { isAscii } from 'node:buffer';

import iconv from 'iconv-lite';
import jschardet from 'jschardet';

import type { Encoding } from '../../../shared/encodings.ts';
import { byteOrderMark, wideEncoding, type WideEncoding } from '../binary.ts';
import { decodeIso2022Kr, decodeJohab } from './korean.ts';

export interface DecodedText {
  /** no byte-order mark */
  readonly text: string;
  /** lower case; a guess ends with '?' */
  readonly encoding: string;
  /** bytes or sequences that had no meaning and became U+FFFD */
  readonly faults: number;
}

/** a guess looks at this many bytes from the first that is not ASCII */
const guessBytes = 128 * 1024;
const fallback = 'windows-1252';
/** names that files give, and what is meant (WHATWG Encoding, 4.2) */
const aliases: Readonly<Record<string, string>> = {
  'iso-8859-1': 'windows-1252',
  latin1: 'windows-1252',
  'iso-8859-9': 'windows-1254',
  'tis-620': 'windows-874',
  'x-sjis': 'shift_jis',
  'windows-31j': 'shift_jis',
  'ks_c_5601-1987': 'cp949',
  'euc-kr': 'cp949',
  gb2312: 'gb18030',
  gbk: 'gb18030',
};

/** @param declared what the file says about itself (XML, HTML): believed where the bytes are not UTF */
export function decodeBytes(bytes: Buffer, declared?: string): DecodedText {
  const mark = byteOrderMark(bytes);
  if (mark !== null) return known(bytes.subarray(mark.length), mark.encoding);
  const escaped = iso2022(bytes);
  if (escaped !== null) return escaped;
  const utf8 = strictUtf8(bytes);
  if (utf8 !== null && !utf8.includes('\0')) return { text: utf8, encoding: 'utf-8', faults: 0 };
  const wide = wideEncoding(bytes);
  if (wide !== null) return known(bytes, wide);
  if (utf8 !== null) return { text: utf8, encoding: 'utf-8', faults: 0 };
  const stated = aliases[declared?.toLowerCase() ?? ''] ?? declared?.toLowerCase();
  if (stated !== undefined && !/^utf|^ascii|^us-ascii/.test(stated) && iconv.encodingExists(stated)) {
    const text = iconv.decode(bytes, stated).toWellFormed();
    return { text, encoding: stated, faults: newFaults(text) };
  }
  return damagedUtf8(bytes) ?? guessed(bytes);
}

/** Decoded as it is told, whatever the bytes look like. */
export function decodeAs(bytes: Buffer, encoding: Encoding): DecodedText {
  const text = decodedAs(bytes, encoding).toWellFormed();
  return { text: text.startsWith('\ufeff') ? text.slice(1) : text, encoding, faults: newFaults(text) };
}

function decodedAs(bytes: Buffer, encoding: Encoding): string {
  if (encoding === 'johab') return decodeJohab(bytes);
  if (encoding === 'iso-2022-kr') return decodeIso2022Kr(bytes);
  if (encoding === 'iso-2022-jp') return new TextDecoder(encoding).decode(bytes);
  return iconv.decode(bytes, encoding);
}

function known(bytes: Buffer, encoding: WideEncoding | 'utf-8'): DecodedText {
  const text =
    encoding === 'utf-8' ? bytes.toString('utf8') : iconv.decode(bytes, encoding, { stripBOM: true });
  const whole = text.toWellFormed();
  return { text: whole, encoding, faults: newFaults(whole) };
}

function strictUtf8(bytes: Buffer): string | null {
  // one byte a character in memory instead of two
  if (isAscii(bytes)) return bytes.toString('latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** UTF-8 with a few broken bytes is still UTF-8: at least ten good sequences for each fault */
function damagedUtf8(bytes: Buffer): DecodedText | null {
  const text = bytes.toString('utf8');
  const faults = newFaults(text);
  let good = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0x7f && code !== 0xfffd) good++;
  }
  return good >= 10 * faults ? { text, encoding: 'utf-8', faults } : null;
}

/** seven-bit encodings with escapes pass as UTF-8, so they come first */
function iso2022(bytes: Buffer): DecodedText | null {
  const escape = bytes.indexOf(0x1b);
  if (escape < 0 || bytes.some((byte) => byte > 0x7f)) return null;
  const text = bytes.toString('latin1');
  if (text.includes('\x1b$)C')) return { text: decodeIso2022Kr(bytes), encoding: 'iso-2022-kr', faults: 0 };
  if (!/\x1b\$[@B]|\x1b\(J|\x1b\$\(D/.test(text)) return null;
  const decoded = new TextDecoder('iso-2022-jp').decode(bytes);
  return { text: decoded, encoding: 'iso-2022-jp', faults: newFaults(decoded) };
}

function guessed(bytes: Buffer): DecodedText {
  const from = Math.max(0, bytes.findIndex((byte) => byte > 0x7f) - 256);
  const sample = bytes.length <= guessBytes ? bytes : bytes.subarray(from, from + guessBytes);
  const guess = jschardet.detect(sample).encoding?.toLowerCase() ?? fallback;
  if (guess === 'johab') {
    const text = decodeJohab(bytes);
    return { text, encoding: 'johab?', faults: newFaults(text) };
  }
  const usable = guess !== 'ascii' && guess !== 'utf-8' && iconv.encodingExists(guess) ? guess : fallback;
  const text = iconv.decode(bytes, usable).toWellFormed();
  return { text, encoding: `${usable}?`, faults: newFaults(text) };
}

function newFaults(text: string): number {
  let faults = 0;
  for (let at = text.indexOf('\ufffd'); at >= 0; at = text.indexOf('\ufffd', at + 1)) faults++;
  return faults;
}
