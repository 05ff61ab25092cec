/** Two Korean encodings that iconv-lite lacks. Both are other spellings of KS X 1001, whose table EUC-KR brings. */
import iconv from 'iconv-lite';

/** RFC 1557: SO (0x0e) switches to KS X 1001 in seven bits, SI (0x0f) back to ASCII. */
export function decodeIso2022Kr(bytes: Uint8Array): string {
  const eucKr: number[] = [];
  let shifted = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x1b && bytes[at + 1] === 0x24 && bytes[at + 2] === 0x29 && bytes[at + 3] === 0x43) at += 3;
    else if (byte === 0x0e || byte === 0x0f) shifted = byte === 0x0e;
    else eucKr.push(shifted && byte > 0x20 ? byte | 0x80 : byte);
  }
  return iconv.decode(Buffer.from(eucKr), 'euc-kr');
}

/** five-bit codes of KS X 1001:1992 annex 3, as indices into Unicode's order of jamo; -1: none, -2: invalid */
const initials = [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];
const vowels = [
  -2, -2, -1, 0, 1, 2, 3, 4, -2, -2, 5, 6, 7, 8, 9, 10, -2, -2, 11, 12, 13, 14, 15, 16, -2, -2, 17, 18, 19,
  20,
];
const finals = [
  -2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, -2, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
  27,
];
const initialLetters = 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ';
const finalLetters = ' ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ';

/** Johab: syllables by their letters (5 + 5 + 5 bits), other characters by a shifted KS X 1001 table. */
export function decodeJohab(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at] ?? 0;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const trail = bytes[at + 1];
    const character = trail === undefined ? null : johabPair(lead, trail);
    text += character ?? '\ufffd';
    if (character !== null) at++;
  }
  return text;
}

function johabPair(lead: number, trail: number): string | null {
  if (lead >= 0xd9) return johabSymbol(lead, trail);
  const code = (lead << 8) | trail;
  const initial = initials[(code >> 10) & 31] ?? -2;
  const vowel = vowels[(code >> 5) & 31] ?? -2;
  const final = finals[code & 31] ?? -2;
  if (initial === -2 || vowel === -2 || final === -2) return null;
  if (initial >= 0 && vowel >= 0) return String.fromCharCode(0xac00 + (initial * 21 + vowel) * 28 + final);
  if (initial >= 0 && final === 0) return initialLetters.charAt(initial);
  if (vowel >= 0 && final === 0) return String.fromCharCode(0x314f + vowel);
  return initial === -1 && vowel === -1 && final > 0 ? finalLetters.charAt(final) : null;
}

/** rows of KS X 1001 in pairs: one lead byte holds two rows (Ken Lunde, CJKV Information Processing, ch. 4) */
function johabSymbol(lead: number, trail: number): string | null {
  const inFirst = trail < 0xa1;
  const column = inFirst ? trail - (trail < 0x80 ? 0x31 : 0x43) : trail - 0xa1;
  const row =
    lead < 0xe0 ? (lead - 0xd9) * 2 + (inFirst ? 0 : 1) : (lead - 0xe0) * 2 + 41 + (inFirst ? 0 : 1);
  if (column < 0 || column > 93 || row > 92) return null;
  const text = iconv.decode(Buffer.from([0xa1 + row, 0xa1 + column]), 'euc-kr');
  return text.includes('\ufffd') ? null : text;
}
