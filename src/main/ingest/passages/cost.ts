/**
 * About how many tokens a text has, without a tokenizer: byte-level BPE vocabularies of English and code take some
 * four ASCII characters a token, and about one token for each character of other scripts.
 */
export function estimateTokens(text: string, from = 0, to = text.length): number {
  let foreign = 0;
  for (let at = from; at < to; at++) if (text.charCodeAt(at) > 0x2ff) foreign++;
  return (to - from - foreign) * 0.26 + foreign;
}
