/**
 * GPT-2's byte alphabet: every byte has a printable character, so that a vocabulary of strings can hold any bytes
 * (`bytes_to_unicode` in openai/gpt-2, encoder.py). Printable Latin-1 stands for itself; the other 68 bytes get the
 * characters from U+0100 on, in order.
 */
export const byteCharacters: readonly string[] = buildAlphabet();

const bytesOfCharacters = new Map(byteCharacters.map((character, byte) => [character, byte]));

function buildAlphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable =
      (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
    return String.fromCharCode(printable ? byte : next++);
  });
}

/** Bytes of a token's text; a character outside the alphabet (in damaged vocabularies) as its own UTF-8. */
export function bytesOfToken(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = bytesOfCharacters.get(character);
    if (byte === undefined) bytes.push(...Buffer.from(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
