/**
 * The settings: what each is called, what it may be, and what it is until the user says otherwise. Stored as one row
 * per key; a value that does not fit (of a newer version, say) counts as not set.
 */
import * as v from 'valibot';
import { integer, path, sampling } from './contract/kinds.ts';

const settingSchemas = {
  'appearance.theme': v.picklist(['system', 'light', 'dark']),
  /** 'system' follows the machine's language; what is not translated is English */
  'appearance.language': v.picklist(['system', 'en', 'ja']),
  /** of the text that is read, in per cent */
  'appearance.textSize': integer(80, 160),
  /** action -> shortcut, where it is not the default one; '' = none */
  'keyboard.shortcuts': v.record(v.pipe(v.string(), v.maxLength(100)), v.pipe(v.string(), v.maxLength(100))),
  /** what happens when a conversation would not fit any more */
  'context.whenFull': v.picklist(['ask', 'slide', 'refuse']),
  'chat.systemPrompt': v.pipe(v.string(), v.maxLength(1_000_000)),
  'chat.parameters': sampling,
  /** id of an installed model; '' = the default one */
  'models.default': v.union([v.literal(''), path]),
  /** what computes answers where a call names nothing; 'auto' is up to the engine */
  'models.backend': v.picklist(['auto', 'cpu', 'webgpu']),
  /** address in the place of the model hub; '' = the hub, or what LONGLEAF_MIRROR says */
  'models.mirror': v.union([
    v.literal(''),
    v.pipe(v.string(), v.regex(/^https?:\/\/[^/\s]+/), v.maxLength(2_000)),
  ]),
  'ingest.maxFileMB': integer(1, 4_096),
  'state.maxDiskGB': integer(1, 100_000),
  'state.maxMemoryMB': integer(64, 1_000_000),
  /** reading goes on while the machine runs on battery */
  'reading.onBattery': v.boolean(),
  'backups.daily': v.boolean(),
  /** absolute paths and the user's name are left out of HTML and PDF, unless said otherwise */
  'export.redact': v.boolean(),
  /** the three steps of the first run were gone through */
  'app.welcomed': v.boolean(),
} as const;

type SettingSchemas = typeof settingSchemas;
export type SettingKey = keyof SettingSchemas;
export type Settings = { readonly [K in SettingKey]: v.InferOutput<SettingSchemas[K]> };

export const defaultSettings: Settings = {
  'appearance.theme': 'system',
  'appearance.language': 'system',
  'appearance.textSize': 100,
  'keyboard.shortcuts': {},
  'context.whenFull': 'ask',
  'chat.systemPrompt': '',
  'chat.parameters': {},
  'models.default': '',
  'models.backend': 'auto',
  'models.mirror': '',
  'ingest.maxFileMB': 256,
  'state.maxDiskGB': 20,
  'state.maxMemoryMB': 2_048,
  'reading.onBattery': false,
  'backups.daily': true,
  'export.redact': true,
  'app.welcomed': false,
};

export const settingsPatch = v.partial(v.strictObject(settingSchemas));
export type SettingsPatch = v.InferOutput<typeof settingsPatch>;

/** Stored values, as JSON by key, as settings: what is missing or does not fit is the default. */
export function settingsFrom(stored: ReadonlyMap<string, string>): Settings {
  const entries = Object.entries(settingSchemas).map(([key, schema]) => {
    const fallback = defaultSettings[key as SettingKey];
    const json = stored.get(key);
    if (json === undefined) return [key, fallback];
    try {
      const parsed = v.safeParse(schema, JSON.parse(json));
      return [key, parsed.success ? parsed.output : fallback];
    } catch {
      return [key, fallback]; // not JSON
    }
  });
  // Every key of the schemas stands in it, with a value of its schema.
  return Object.fromEntries(entries) as Settings;
}
