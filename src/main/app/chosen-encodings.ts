/**
 * Encodings that the user chose for single text files of a library, by path: they stay over updates and changes of the
 * file. A choice that was taken back is remembered as null, so that the next update reads the file anew.
 */
import * as v from 'valibot';
import { encodings, type Encoding } from '../../shared/encodings.ts';
import type { LibraryId } from '../../shared/model/index.ts';
import type { Store } from '../store/index.ts';

/** absolute path of the file -> what was chosen; null: it is guessed again */
export type ChosenEncodings = ReadonlyMap<string, Encoding | null>;

const chosenSchema = v.record(v.string(), v.nullable(v.picklist(encodings)));
const key = (id: LibraryId): string => `library.encodings.${id}`;
export async function chosenEncodings(
  store: Pick<Store, 'setting'>,
  id: LibraryId,
): Promise<ChosenEncodings> {
  const text = await store.setting(key(id));
  const parsed = text === null ? null : v.safeParse(chosenSchema, JSON.parse(text));
  return new Map(parsed?.success === true ? Object.entries(parsed.output) : []);
}

export async function rememberEncodings(
  store: Pick<Store, 'setSetting'>,
  id: LibraryId,
  chosen: ChosenEncodings,
): Promise<void> {
  await store.setSetting(key(id), JSON.stringify(Object.fromEntries(chosen)));
}
