/** What the name of a backup says, and which backups are worth their room. */
import type { BackupKind } from './types.ts';

const pattern = /^longleaf-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})-([a-z0-9-]+)\.db$/;
/** of today */
const KEPT_TODAY = 3;
/** of days before, one of each; and of older months one of each */
const KEPT_DAYS = 7;
const KEPT_MONTHS = 6;

export function nameOfBackup(time: Date, kind: BackupKind): string {
  return `longleaf-${time.toISOString().replace(/[-:.Z]/g, '')}-${kind}.db`;
}

/** null: not the name of a backup, of nothing above or below the folder either */
export function backupTime(name: string): Date | null {
  const [, year, month, day, hour, minute, second, ms] = pattern.exec(name) ?? [];
  if (year === undefined) return null;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
  return Number.isNaN(time.getTime()) ? null : time;
}

/**
 * Three of today, one of each of the seven days before that have one, then one a month; and the newest of each kind,
 * since the one before an upgrade or a restore may be the only way back.
 * @param names of backups, oldest first
 */
export function keptBackups(names: readonly string[], now: Date): ReadonlySet<string> {
  const kept = new Set<string>();
  const newestFirst = [...names].reverse();
  const today = dayOf(nameOfBackup(now, 'daily'));
  for (const name of newestFirst.filter((one) => dayOf(one) >= today).slice(0, KEPT_TODAY)) kept.add(name);
  const before = newestFirst.filter((one) => dayOf(one) < today);
  const days = firstOfEach(before, dayOf).slice(0, KEPT_DAYS);
  for (const name of days) kept.add(name);
  const oldest = days.at(-1);
  const older = oldest === undefined ? [] : before.filter((one) => dayOf(one) < dayOf(oldest));
  for (const name of firstOfEach(older, monthOf).slice(0, KEPT_MONTHS)) kept.add(name);
  for (const name of firstOfEach(newestFirst, kindOf)) kept.add(name);
  return kept;
}

function firstOfEach(names: readonly string[], group: (name: string) => string): string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    const isNew = !seen.has(group(name));
    seen.add(group(name));
    return isNew;
  });
}

const START = 'longleaf-'.length;
const dayOf = (name: string): string => name.slice(START, START + 8);
const monthOf = (name: string): string => name.slice(START, START + 6);
const kindOf = (name: string): string => pattern.exec(name)?.[8] ?? '';
