/** A snippet of the index as parts: what was found stands between U+0001 and U+0002. */
export function snippetParts(snippet: string): readonly { readonly text: string; readonly hit: boolean }[] {
  return snippet
    .split(/(?=\u0001)|(?<=\u0002)/)
    .map((part) => ({ text: part.replace(/[\u0001\u0002]/g, ''), hit: part.startsWith('\u0001') }))
    .filter(({ text }) => text !== '');
}
