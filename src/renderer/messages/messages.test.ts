/** Both languages are complete: the same keys, the same placeholders, and no English left in the Japanese. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const here = import.meta.dirname;
const areas = readdirSync(here, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

type Messages = Readonly<Record<string, unknown>>;

const read = (area: string, locale: string): Messages =>
  JSON.parse(readFileSync(join(here, area, `${locale}.json`), 'utf8')) as Messages;

/** Every text of a message: one, or one for each plural. */
function textsOf(message: unknown): readonly string[] {
  if (typeof message === 'string') return [message];
  if (!Array.isArray(message)) return [];
  return (message as readonly { match: Readonly<Record<string, string>> }[]).flatMap(({ match }) =>
    Object.values(match),
  );
}

const placeholdersOf = (message: unknown): readonly string[] =>
  [
    ...new Set(
      textsOf(message).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')),
    ),
  ].toSorted();

/** What is written alike in both languages: names, formats, addresses, and texts of figures and signs alone. */
const SAME_IN_BOTH = /^(Markdown|Top K|Top P|Min P|Longleaf|https:\/\/\S+|[^a-z]*)$/;
const withoutPlaceholders = (text: string): string => text.replaceAll(/\{\w+\}/g, '');

it('no key stands in two areas', () => {
  const keys = areas.flatMap((area) => Object.keys(read(area, 'en')));
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});

describe.each(areas)('%s', (area) => {
  const [en, ja] = [read(area, 'en'), read(area, 'ja')];

  it('has the same keys in both languages', () => {
    expect(Object.keys(ja).toSorted()).toEqual(Object.keys(en).toSorted());
  });

  it('has the same placeholders', () => {
    for (const key of Object.keys(en))
      expect([key, placeholdersOf(ja[key])]).toEqual([key, placeholdersOf(en[key])]);
  });

  it('has no English left in the Japanese, and no empty text', () => {
    const left = Object.keys(en).filter((key) => {
      const texts = textsOf(ja[key]);
      const japanese = texts.every((text) =>
        /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u.test(text),
      );
      return (
        texts.length === 0 ||
        texts.includes('') ||
        !(japanese || texts.every((text) => SAME_IN_BOTH.test(withoutPlaceholders(text))))
      );
    });
    expect(left).toEqual([]);
  });

  it('speaks calmly: no exclamation marks, no emoji', () => {
    const loud = [en, ja].flatMap((messages) =>
      Object.entries(messages).filter(([, message]) =>
        textsOf(message).some((text) => /[!！]|\p{Extended_Pictographic}/u.test(text)),
      ),
    );
    expect(loud).toEqual([]);
  });
});
