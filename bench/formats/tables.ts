/** What the readers of formats were measured by, as tables of docs/benchmarks.md. */
import * as v from 'valibot';
import { conditions, count, measured } from '../report-parts.ts';

const definitionsSchema = v.object({
  environment: measured,
  languages: v.record(
    v.string(),
    v.object({
      files: v.number(),
      definitions: v.number(),
      named: v.number(),
      ours: v.number(),
      known: v.number(),
      fitting: v.number(),
      whole: v.number(),
    }),
  ),
});

export function definitionsTable(json: unknown): string[] {
  const { languages, environment } = v.parse(definitionsSchema, json);
  const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  return [
    "| language, files | of tree-sitter's definitions | whole in one passage |",
    '|---|---|---|',
    ...Object.entries(languages).map(
      ([language, { files, definitions, named, fitting, whole }]) =>
        `| ${language}, ${count(files)} | ${count(named)} of ${count(definitions)}, ${share(named, definitions)} | ${count(whole)} of ${count(fitting)}, ${share(whole, fitting)} |`,
    ),
    '',
    conditions(environment),
  ];
}

const fuzzSchema = v.object({
  formats: v.record(
    v.string(),
    v.object({
      copies: v.number(),
      files: v.object({ read: v.number(), partly: v.number(), refused: v.number(), skipped: v.number() }),
    }),
  ),
});

export function fuzzTable(json: unknown): string[] {
  const { formats } = v.parse(fuzzSchema, json);
  return [
    '| sample | copies | read | partly | refused | skipped |',
    '|---|---|---|---|---|---|',
    ...Object.entries(formats).map(
      ([
        name,
        {
          copies,
          files: { read, partly, refused, skipped },
        },
      ]) => `| ${name} | ${count(copies)} | ${[read, partly, refused, skipped].map(count).join(' | ')} |`,
    ),
  ];
}
