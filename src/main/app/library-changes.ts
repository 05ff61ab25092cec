/** What the last look at a library's files has found: from where on an update would read it again. */
import * as v from 'valibot';
import type { Library } from '../../shared/model/index.ts';
import type { Store } from '../store/index.ts';
import type { VersionPlan } from './version-plan.ts';

const changeSchema = v.object({ versionId: v.string(), from: v.nullable(v.number()) });

const key = (library: Library): string => `library.change.${library.id}`;

/** @param plan what an update would do; null: it was done just now */
export async function rememberChange(
  store: Pick<Store, 'setSetting' | 'versionFiles'>,
  library: Library,
  plan: VersionPlan | null,
): Promise<void> {
  if (library.versionId === null) return;
  const from = plan === null ? null : await firstChange(store, library.versionId, plan);
  await store.setSetting(key(library), JSON.stringify({ versionId: library.versionId, from }));
}

/**
 * First token of the library's current version that an update would read again (its end, where files were only
 * added); null: nothing has changed, or nobody has looked since the last update.
 */
export async function changedFrom(store: Pick<Store, 'setting'>, library: Library): Promise<number | null> {
  const text = await store.setting(key(library));
  if (text === null) return null;
  const parsed = v.safeParse(changeSchema, JSON.parse(text));
  return parsed.success && parsed.output.versionId === library.versionId ? parsed.output.from : null;
}

async function firstChange(
  store: Pick<Store, 'versionFiles'>,
  version: NonNullable<Library['versionId']>,
  plan: VersionPlan,
): Promise<number | null> {
  const changed = new Set<string>(plan.removed.map(({ absolutePath }) => absolutePath));
  let hasChanges = changed.size > 0;
  for (const { change, before, entry } of plan.files) {
    if (change === 'changed' && before !== null) changed.add(before.absolutePath);
    if (change === 'changed' || (change === 'added' && entry.outcome === null)) hasChanges = true;
  }
  if (!hasChanges) return null;
  const seen = new Set<string>();
  let at = 0;
  for (const { absolutePath, hash, tokens } of await store.versionFiles(version)) {
    if (changed.has(absolutePath)) return at;
    if (hash === null || seen.has(hash)) continue;
    seen.add(hash);
    at += tokens;
  }
  return at;
}
