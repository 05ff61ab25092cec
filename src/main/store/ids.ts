/**
 * ULID-like ids (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits in Crockford's base 32, sorted
 * by time as text. Within one process they only go up, also when the clock goes back.
 */
import { randomBytes } from 'node:crypto';

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const randomMask = (1n << 80n) - 1n;
let last = 0n;

/** 26 characters; the caller brands it: `newId() as LibraryId`. */
export function newId(now: number = Date.now()): string {
  const random = BigInt(`0x${randomBytes(10).toString('hex')}`);
  const fresh = (BigInt(now) << 80n) | (random & randomMask);
  last = fresh > last ? fresh : last + 1n;
  let rest = last;
  let text = '';
  for (let digit = 0; digit < 26; digit++) {
    text = (alphabet[Number(rest & 31n)] ?? '0') + text;
    rest >>= 5n;
  }
  return text;
}

/** Whether a text has the form of our ids. */
export function isId(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}
