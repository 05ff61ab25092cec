/** Whether kills left a trace. */
import type { Disturbed, Ended } from './kill-runs.ts';

/** @returns what is not as it must be, in words; empty: all is well */
export function problemsOf(killed: Disturbed, undisturbed: Ended): readonly string[] {
  const problems: string[] = [];
  for (const [part, sum] of Object.entries(undisturbed.content.sums))
    if (killed.content.sums[part] !== sum)
      problems.push(
        `${part}: ${String(killed.content.rows[part])} rows, undisturbed ${String(undisturbed.content.rows[part])}`,
      );
  if (killed.content.integrity !== 'ok') problems.push(`at the end: ${killed.content.integrity}`);
  for (const [i, integrity] of killed.integrity.entries())
    if (integrity !== 'ok') problems.push(`after kill ${String(i + 1)}: ${integrity}`);
  for (const [i, stored] of killed.storedAt.entries())
    if (stored < (killed.storedAt[i - 1] ?? 0)) problems.push(`kill ${String(i + 1)} took documents back`);
  const expected = new Set(undisturbed.left);
  const orphans = killed.left.filter((file) => !expected.has(file));
  if (orphans.length > 0) problems.push(`left over: ${orphans.slice(0, 5).join(', ')}`);
  return problems;
}
