/** What the page may ask of the shell, through the bridge. Checked by the shell; arguments of anything else are refused. */
import * as v from 'valibot';

export const shellRequest = v.variant('kind', [
  v.strictObject({ kind: v.literal('connect'), nonce: v.pipe(v.string(), v.regex(/^[0-9a-f-]{36}$/)) }),
  v.strictObject({ kind: v.literal('choose-files'), folders: v.boolean() }),
  v.strictObject({
    kind: v.literal('save-file'),
    fileName: v.pipe(v.string(), v.minLength(1), v.maxLength(1_000)),
    encoding: v.picklist(['utf8', 'base64']),
    content: v.string(),
  }),
  v.strictObject({ kind: v.literal('open-external'), url: v.pipe(v.string(), v.maxLength(10_000)) }),
  v.strictObject({ kind: v.literal('show-data-folder') }),
  /** the page listens for files to open from now on */
  v.strictObject({ kind: v.literal('listening') }),
  /** all that was on the page alone has gone to the core */
  v.strictObject({ kind: v.literal('kept') }),
]);

export type ShellRequest = v.InferOutput<typeof shellRequest>;
