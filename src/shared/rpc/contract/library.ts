import * as v from 'valibot';
import type { ReportFile } from '../../library-report.ts';
import { encodings } from '../../encodings.ts';
import { reportFormats } from '../../library-report.ts';
import type { LibraryDetails, LibraryEvent, LibrarySummary, StateReport } from '../events.ts';
import type {
  ContextMap,
  DocumentSlice,
  DocumentHit,
  FileEncoding,
  JobStatus,
  LibraryFolder,
} from '../reports.ts';
import { engineChoice, integer, name, nothing, page, path, paths, stream, text, unary } from './kinds.ts';

const read = v.picklist(['auto', 'always', 'never']);
const document = { name, path };
const retry = v.optional(v.union([v.boolean(), paths]));

export const libraryMethods = {
  'library.list': unary<readonly LibrarySummary[]>()(nothing),
  'library.show': unary<LibraryDetails>()(v.strictObject({ name })),
  /** creates the library, or adds paths to it; the same paths again are an update */
  'library.add': stream<LibraryEvent>()(
    v.strictObject({
      ...engineChoice,
      name,
      paths,
      /** absent: the library's own setting ('auto' for a new one) */
      read: v.optional(read),
      /** true: end with the preview, change nothing */
      preview: v.optional(v.boolean()),
    }),
  ),
  'library.update': stream<LibraryEvent>()(
    v.strictObject({
      ...engineChoice,
      name,
      /** true: hash every file, instead of trusting size and modification time */
      verify: v.optional(v.boolean()),
      /** true: files that could not be read are tried once more, also unchanged ones; paths: these only */
      retry,
      preview: v.optional(v.boolean()),
    }),
  ),
  /** the user's explicit act of reading the library into a state */
  'library.read': stream<LibraryEvent>()(v.strictObject({ ...engineChoice, name })),
  /** a new name, or another choice of whether it is read */
  'library.change': unary<LibrarySummary>()(
    v.strictObject({ name, newName: v.optional(name), read: v.optional(read) }),
  ),
  'library.remove': unary<{ readonly removed: true }>()(v.strictObject({ name })),

  /** what became of every document (read, partly, refused, skipped), with the reason, as a file */
  'library.report': unary<ReportFile>()(v.strictObject({ name, format: v.picklist(reportFormats) })),

  /** what lies directly in a folder of the library, folders first; `filter`: all files whose path contains it */
  'library.folder': unary<LibraryFolder>()(
    v.strictObject({
      name,
      /** with `/` between names; '' is the top */
      folder: v.pipe(v.string(), v.maxLength(32_768)),
      filter: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
      ...page,
    }),
  ),
  /** a stretch of a document's extracted text, widened to whole lines */
  'library.document': unary<DocumentSlice>()(
    v.strictObject({
      ...document,
      /** offset in UTF-16 code units; absent: the beginning */
      from: v.optional(integer(0, 2 ** 40)),
      /** code units, at most 200,000 */
      length: v.optional(integer(1, 200_000)),
    }),
  ),
  /** how a text file was decoded; of archives' files and other formats 'invalid-input' */
  'library.encoding': unary<FileEncoding>()(v.strictObject(document)),
  /** another encoding for one text file; it stays, and the next update reads the file with it; null: guessed again */
  'library.setEncoding': unary<{ readonly saved: true }>()(
    v.strictObject({ ...document, encoding: v.nullable(v.picklist(encodings)) }),
  ),
  'library.search': unary<readonly DocumentHit[]>()(
    v.strictObject({ name, query: v.pipe(text, v.minLength(1)), ...page }),
  ),
  /** what the context map draws: documents in reading order, what was read, and the plan's regions */
  'library.map': unary<ContextMap>()(
    v.strictObject({
      ...engineChoice,
      name,
      /** a stretch of the library in tokens; absent: all of it */
      from: v.optional(integer(0, 2 ** 40)),
      to: v.optional(integer(1, 2 ** 40)),
    }),
  ),

  /**
   * Somebody has come back to the app: changed files of all libraries are looked for, gently and not too often;
   * 'app.events' tells what changed ('changed').
   */
  'library.notice': unary<{ readonly noted: true }>()(nothing),

  /** Work on a library that goes on when the caller leaves: 'app.events' tells how it goes. */
  'jobs.start': unary<JobStatus>()(
    v.variant('kind', [
      v.strictObject({ kind: v.literal('add'), name, paths, read: v.optional(read), ...engineChoice }),
      v.strictObject({
        kind: v.literal('update'),
        name,
        verify: v.optional(v.boolean()),
        /** true: files that could not be read are tried once more, also unchanged ones; paths: these only */
        retry,
        ...engineChoice,
      }),
      v.strictObject({ kind: v.literal('read'), name, ...engineChoice }),
    ]),
  ),
  'jobs.list': unary<readonly JobStatus[]>()(nothing),
  /** what was done is kept; `resume` goes on from there, also after a restart */
  'jobs.pause': unary<JobStatus>()(v.strictObject({ name })),
  'jobs.resume': unary<JobStatus>()(v.strictObject({ name })),
  /** what was done is kept; it is not taken up again by itself */
  'jobs.cancel': unary<JobStatus>()(v.strictObject({ name })),

  'state.info': unary<StateReport>()(v.strictObject({ ...engineChoice, name })),
} as const;
