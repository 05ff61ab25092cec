/** Where a line may end, and what a line holds. */

/** a line may end before and after these */
const ideographs = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303F\uFF00-\uFFEF`;
/** and never before these, nor after those */
const closing = String.raw`、。，．・：；？！ー々〻ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ」』）】〕〉》］｝’”…‥`;
const opening = String.raw`「『（【〔〈《［｛‘“`;

const pieces = new RegExp(
  String.raw`\s+|[${opening}]*[${ideographs}][${closing}]*|[^\s${ideographs}]+?(?:(?<=[\p{L}\p{N}])[-/](?=[\p{L}\p{N}])|(?=[\s${ideographs}]|$))`,
  'gu',
);

/** The text in pieces between which a line may end; white space is a piece of its own. Joined, they are the text. */
export function lineBreakPieces(text: string): string[] {
  return text.match(pieces) ?? [];
}

/** whether a line may end between two pieces that touch */
export function mayBreakBetween(before: string, after: string): boolean {
  const ideograph = new RegExp(`[${ideographs}]`, 'u');
  const last = Array.from(before).at(-1) ?? '';
  const [first = ''] = after;
  if (/\s/u.test(last) || /\s/u.test(first)) return true;
  if (closing.includes(first) || opening.includes(last)) return false;
  return /[\p{L}\p{N}][-/]$/u.test(before) || ideograph.test(last) || ideograph.test(first);
}
