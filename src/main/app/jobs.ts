/**
 * Work on libraries that goes on when its caller leaves. One job at a time per library; what it was asked for is a
 * durable row, so that a restart takes it up again. How it goes is told to whoever listens to the app.
 */
import { AppError, toWire } from '../../shared/errors.ts';
import type { Library, LibraryId } from '../../shared/model/index.ts';
import type { AppEvent, Args, JobStatus, LibraryEvent } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { Emit } from './event-stream.ts';
import { ProgressMeter } from './job-progress.ts';
import type { JobOrder, JobRow } from './job-row.ts';
import { JobStop, jobRows, putJobRow, stateAfter } from './job-row.ts';
import type { Libraries } from './library.ts';
import { ATTACHED, requireLibrary } from './library-summaries.ts';
import type { ReadingTurn } from './reading-gate.ts';

export interface JobsConfig {
  readonly store: Store;
  readonly libraries: Pick<Libraries, 'place' | 'readAlways' | 'run'>;
  readonly emit: Emit<AppEvent>;
  /** although the machine runs on battery */
  readonly readAnyway: () => void;
}

export type JobRequest = Args<'jobs.start'>;

/** ms between two reports of the same job */
const TOLD_EVERY = 250;

interface Job {
  readonly id: LibraryId;
  readonly order: JobOrder;
  status: JobStatus;
  readonly stop: AbortController;
  readonly meter: ProgressMeter;
  ended: Promise<void>;
  isOver: boolean;
  toldAt: number;
  telling: NodeJS.Timeout | null;
}

export class Jobs {
  readonly #config: JobsConfig;
  /** the latest of each library since this process began; those that have ended stay for their reports */
  readonly #jobs = new Map<LibraryId, Job>();
  #closing = false;

  constructor(config: JobsConfig) {
    this.#config = config;
  }

  /**
   * Begins; returns at once. A job on the same library that is under way makes room: what it did is kept, and the new
   * one does the rest too.
   * @throws AppError 'not-found' (library, path), 'interrupted' (the app is closing)
   */
  async start(request: JobRequest): Promise<JobStatus> {
    const { store, libraries } = this.#config;
    const { model, plan, backend } = request;
    const order: JobOrder = { kind: request.kind, model, plan, backend };
    if (request.kind === 'add') return this.#replace(await libraries.place(request), order);
    if (request.kind === 'update') {
      const { verify, retry } = request;
      return this.#replace(await requireLibrary(store, request.name), { ...order, verify, retry });
    }
    const library = await libraries.readAlways(request.name);
    const running = this.#running(library.id);
    if (running === null) return this.#begin(library, order);
    if (running.order.kind === 'read') return running.status;
    // the files first: then it reads them, since that was just chosen
    return this.#replace(library, { ...running.order, ...order, kind: 'update' });
  }

  /** whether any job is at work */
  get isBusy(): boolean {
    return [...this.#jobs.values()].some(({ status }) => status.state === 'running');
  }

  /** Of all libraries that have or had one, except those whose job had ended before this process began. */
  async list(): Promise<readonly JobStatus[]> {
    const libraries = await this.#config.store.libraries();
    const rows = await jobRows(this.#config.store);
    const found: JobStatus[] = [];
    for (const { id, name } of libraries) {
      const job = this.#jobs.get(id);
      const row = rows.find((one) => one.library === id);
      if (name.startsWith(ATTACHED)) continue;
      if (job !== undefined) found.push({ ...job.status, name });
      // 'running' without a job here: a command at work in a terminal, which tells how it goes itself
      else if (row !== undefined && row.state !== 'done' && row.state !== 'running')
        found.push(statusOf(name, row));
    }
    return found;
  }

  /** What was done is kept. @throws AppError 'not-found' where nothing is under way */
  async pause(name: string): Promise<JobStatus> {
    return this.#stop(name, 'paused');
  }

  /** What was done is kept; it is not taken up again by itself. @throws AppError 'not-found' */
  async cancel(name: string): Promise<JobStatus> {
    return this.#stop(name, 'cancelled');
  }

  /**
   * Goes on from what was done; also with one that was cancelled, has failed, or waits on battery.
   * @throws AppError 'not-found'
   */
  async resume(name: string): Promise<JobStatus> {
    const library = await requireLibrary(this.#config.store, name);
    const running = this.#running(library.id);
    if (running !== null) {
      if (running.status.reason === 'battery') this.#config.readAnyway();
      return running.status;
    }
    const row = await this.#row(library);
    if (row === null || row.state === 'done') throw noJob(name);
    return this.#begin(library, row.order);
  }

  /** What a kill or a restart has cut off. */
  async unfinished(): Promise<readonly { readonly name: string; readonly kind: JobOrder['kind'] }[]> {
    const { store } = this.#config;
    const found = [];
    for (const { library: id, order, state } of await jobRows(store)) {
      const library = state === 'running' && !this.#jobs.has(id) ? await store.libraryById(id) : null;
      if (library !== null) found.push({ name: library.name, kind: order.kind });
    }
    return found;
  }

  /** Takes that up again. */
  async resumeAll(): Promise<void> {
    const { store } = this.#config;
    for (const { library: id, order, state } of await jobRows(store)) {
      const library = state === 'running' ? await store.libraryById(id) : null;
      if (library !== null && this.#running(id) === null) this.#begin(library, order);
    }
  }

  /** Leaves that alone until somebody resumes it: the work itself may be what brought the app down. */
  async pauseUnfinished(): Promise<void> {
    const { store } = this.#config;
    for (const row of await jobRows(store))
      if (row.state === 'running' && !this.#jobs.has(row.library))
        await putJobRow(store, { ...row, state: 'paused' });
  }

  /** Stops the work on a library that is to be removed, and waits for its end. */
  async drop(name: string): Promise<void> {
    const library = await this.#config.store.library(name);
    const job = library === null ? undefined : this.#jobs.get(library.id);
    job?.stop.abort(new JobStop('cancelled'));
    await job?.ended;
    if (library !== null) this.#jobs.delete(library.id);
  }

  /** Stops everything; it goes on at the next start. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const job of this.#jobs.values()) job.stop.abort(new JobStop('running'));
    await Promise.all([...this.#jobs.values()].map((job) => job.ended));
  }

  async #stop(name: string, state: 'paused' | 'cancelled'): Promise<JobStatus> {
    const { store } = this.#config;
    const library = await requireLibrary(store, name);
    const running = this.#running(library.id);
    if (running !== null) {
      running.stop.abort(new JobStop(state));
      await running.ended;
      return running.status;
    }
    const row = await this.#row(library);
    if (row === null || row.state === 'done' || row.state === 'running') throw noJob(name);
    const stopped: JobRow = { ...row, state };
    await putJobRow(store, stopped);
    const job = this.#jobs.get(library.id);
    const status = statusOf(library.name, stopped);
    if (job !== undefined) job.status = { ...job.status, state, reason: null };
    this.#config.emit({ kind: 'job', job: status });
    this.#config.emit({ kind: 'libraries', name: library.name });
    return status;
  }

  async #replace(library: Library, order: JobOrder): Promise<JobStatus> {
    this.#running(library.id)?.stop.abort(new JobStop('running'));
    return this.#begin(library, order);
  }

  /** When the job before it on the same library has ended. */
  #begin(library: Library, order: JobOrder): JobStatus {
    if (this.#closing) throw new AppError('interrupted', 'The app is closing.', 'Start it again.');
    const before = this.#jobs.get(library.id);
    const state = before === undefined || before.isOver ? 'running' : 'waiting';
    const job: Job = {
      id: library.id,
      order,
      status: { ...idle(library.name, order.kind), state },
      stop: new AbortController(),
      meter: new ProgressMeter(),
      ended: Promise.resolve(),
      isOver: false,
      toldAt: 0,
      telling: null,
    };
    this.#jobs.set(library.id, job);
    job.ended = this.#run(job, before?.ended);
    this.#tell(job);
    return job.status;
  }

  /** Never fails: how it ended stands in the status. */
  async #run(job: Job, before: Promise<void> | undefined): Promise<void> {
    const { store, libraries } = this.#config;
    const { id, order, stop } = job;
    const onTurn = (turn: ReadingTurn): void => this.#change(job, turnStatus(turn));
    const emit = (event: LibraryEvent): void => this.#onEvent(job, event);
    try {
      await before;
      // before its turn: whatever happens from here on, it is known what was asked for
      await putJobRow(store, { library: id, order, state: 'running', error: null });
      this.#change(job, { state: 'running' });
      this.#config.emit({ kind: 'libraries', name: job.status.name });
      await libraries.run(id, order, { emit, signal: stop.signal, onTurn });
      this.#change(job, { state: 'done', reason: null, secondsLeft: null });
    } catch (error) {
      const state = stateAfter(error, stop.signal);
      // left for the next start, or for the job that has taken its place: to the outside it is not over
      const shown = state === 'running' ? 'waiting' : state;
      const wire = state === 'failed' ? toWire(error) : null;
      // Also where it came to no work at all; a library that is gone, or a full disk, leaves nothing to write.
      if (state !== 'running')
        await putJobRow(store, { library: id, order, state, error: wire }).catch(() => undefined);
      this.#change(job, { state: shown, reason: null, secondsLeft: null, rate: 0, error: wire });
    }
    job.isOver = true;
    this.#flush(job);
  }

  #onEvent(job: Job, event: LibraryEvent): void {
    if (event.kind === 'progress') {
      job.status = { ...job.status, progress: event, ...job.meter.add(event) };
      this.#tellSoon(job);
    } else if (event.kind === 'done') {
      const { files: _, ...report } = event.report;
      job.status = { ...job.status, report };
    }
  }

  #change(job: Job, change: Partial<JobStatus>): void {
    const wanted = { ...job.status, ...change };
    const same = wanted.state === job.status.state && wanted.reason === job.status.reason;
    job.status = wanted;
    if (!same) this.#tell(job);
  }

  #tellSoon(job: Job): void {
    const wait = job.toldAt + TOLD_EVERY - performance.now();
    if (wait <= 0) return this.#tell(job);
    job.telling ??= setTimeout(() => this.#tell(job), wait).unref();
  }

  #flush(job: Job): void {
    if (job.telling !== null) this.#tell(job);
  }

  #tell(job: Job): void {
    if (job.telling !== null) clearTimeout(job.telling);
    job.telling = null;
    job.toldAt = performance.now();
    // one that has made room for another is not spoken of any more
    if (this.#jobs.get(job.id) !== job) return;
    this.#config.emit({ kind: 'job', job: job.status });
  }

  /** the name in what is told from now on */
  renamed(id: LibraryId, name: string): void {
    const job = this.#jobs.get(id);
    if (job === undefined || job.status.name === name) return;
    job.status = { ...job.status, name };
    this.#tell(job);
  }

  #running(id: LibraryId): Job | null {
    const job = this.#jobs.get(id);
    return job !== undefined && UNDER_WAY.has(job.status.state) && !job.stop.signal.aborted ? job : null;
  }

  async #row(library: Library): Promise<JobRow | null> {
    const rows = await jobRows(this.#config.store);
    return rows.find((row) => row.library === library.id) ?? null;
  }
}

/** a pause that has a reason is under way all the same: it ends by itself */
const UNDER_WAY: ReadonlySet<JobStatus['state']> = new Set(['waiting', 'running', 'paused']);

function turnStatus(turn: ReadingTurn): Pick<JobStatus, 'state' | 'reason'> {
  if (turn === 'waiting') return { state: 'waiting', reason: null };
  if (turn === 'reading') return { state: 'running', reason: null };
  return { state: 'paused', reason: turn };
}

function statusOf(name: string, { order, state, error }: JobRow): JobStatus {
  return { ...idle(name, order.kind), state, error };
}

function idle(name: string, kind: JobStatus['kind']): JobStatus {
  const nothing = { reason: null, progress: null, rate: 0, secondsLeft: null, report: null, error: null };
  return { name, kind, state: 'waiting', ...nothing };
}

function noJob(name: string): AppError {
  return new AppError(
    'not-found',
    `Nothing is being done with the library "${name}".`,
    'Update it, or read it.',
  );
}
