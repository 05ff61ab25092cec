import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import type { BackupFile } from '../store/index.ts';
import { DailyBackup } from './backups.ts';

const day = (text: string): number => Date.parse(`${text}T12:00:00.000Z`);
const fileOf = (createdAt: number): BackupFile => ({
  name: 'x',
  bytes: 1,
  createdAt: new Date(createdAt).toISOString(),
});

function daily(options: { wanted?: boolean; fails?: boolean } = {}) {
  const made: BackupFile[] = [];
  const notes: string[] = [];
  let clock = 0;
  const backup = new DailyBackup({
    store: {
      backups: () => Promise.resolve([...made].reverse()),
      backup: () => {
        if (options.fails === true)
          return Promise.reject(new AppError('disk-full', 'The disk is full.', 'Free some space.'));
        made.push(fileOf(clock));
        return Promise.resolve(fileOf(clock));
      },
    },
    isWanted: () => options.wanted ?? true,
    onNote: (note) => notes.push(note),
  });
  const at = (text: string) => {
    clock = day(text);
    return backup.makeIfDue(clock);
  };
  return { at, made, notes };
}

describe('a daily backup', () => {
  it('is made once a day', async () => {
    const { at, made } = daily();
    expect(await at('2026-11-22')).not.toBeNull();
    expect(await at('2026-11-22')).toBeNull();
    expect(await at('2026-11-23')).not.toBeNull();
    expect(made).toHaveLength(2);
  });

  it('is not made when the user does not want it, or one of today is there', async () => {
    expect(await daily({ wanted: false }).at('2026-11-22')).toBeNull();
    const { at, made } = daily();
    made.push(fileOf(day('2026-11-22')));
    expect(await at('2026-11-22')).toBeNull();
  });

  it('that fails is said once a day', async () => {
    const { at, notes } = daily({ fails: true });
    for (const text of ['2026-11-22', '2026-11-22', '2026-11-23']) expect(await at(text)).toBeNull();
    expect(notes).toHaveLength(2);
    expect(notes[0]).toMatch(/could not be made: The disk is full/);
  });
});
