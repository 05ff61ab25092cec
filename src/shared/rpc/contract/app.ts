/** The app itself: who owns the data folder, what changes, settings, backups, hardware. */
import * as v from 'valibot';
import type { OwnerInfo } from '../events.ts';
import type { AppEvent, Backup, DataUsage, HardwareReport, SampleBook } from '../reports.ts';
import type { Settings } from '../settings.ts';
import { settingsPatch } from '../settings.ts';
import { name, nothing, subscription, unary } from './kinds.ts';

export const appMethods = {
  'app.info': unary<OwnerInfo>()(nothing),
  /** what changes, for as long as the caller listens; the first items say how things stand */
  'app.events': subscription<AppEvent>()(nothing),
  /**
   * What the shell knows of the machine: on battery reading waits (unless the setting says otherwise), and always before
   * sleep.
   */
  'app.power': unary<{ readonly noted: true }>()(
    v.strictObject({ onBattery: v.boolean(), asleep: v.boolean() }),
  ),
  'app.hardware': unary<HardwareReport>()(nothing),
  'app.usage': unary<DataUsage>()(nothing),
  /** a book that the app comes with, for the first run */
  'app.sample': unary<SampleBook>()(nothing),

  'settings.get': unary<Settings>()(nothing),
  /** what the patch names; the rest stays */
  'settings.set': unary<Settings>()(v.strictObject({ patch: settingsPatch })),

  'backups.list': unary<readonly Backup[]>()(nothing),
  'backups.create': unary<Backup>()(nothing),
  /** at the next start the backup takes the database's place; what is there now becomes a backup first */
  'backups.restore': unary<{ readonly atNextStart: true }>()(v.strictObject({ name })),
} as const;
