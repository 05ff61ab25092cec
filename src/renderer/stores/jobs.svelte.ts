/** Work on libraries that goes on by itself: how each job stands, and how to hold it, go on, or end it. */
import type { ArgsInput, JobStatus } from '../../shared/rpc/index.ts';
import { formatPercent } from '../lib/format.ts';
import { m } from '../paraglide/messages.js';
import { core } from './core.svelte.ts';
import { libraries } from './libraries.svelte.ts';
import { ui } from './ui.svelte.ts';

/** share of a job after which it is announced again */
const ANNOUNCE_EVERY = 0.1;

class Jobs {
  all = $state.raw<ReadonlyMap<string, JobStatus>>(new Map());
  /** tenths that were announced last, by library */
  readonly #announced = new Map<string, number>();

  constructor() {
    core.whenReady(() => void this.load());
    core.listen((event) => {
      if (event.kind === 'job') this.#put(event.job);
    });
  }

  of(name: string): JobStatus | undefined {
    return this.all.get(name);
  }

  /** The job, while there is something to do for it. */
  active(name: string): JobStatus | undefined {
    const job = this.all.get(name);
    return job !== undefined && ['waiting', 'running', 'paused'].includes(job.state) ? job : undefined;
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      const list = await core.client.call('jobs.list', {});
      this.all = new Map(list.map((job) => [job.name, job]));
    });
  }

  /** @throws AppError 'not-found', 'conflict' */
  async start(job: ArgsInput<'jobs.start'>): Promise<void> {
    libraries.dropChanges(job.name);
    this.#put(await core.client.call('jobs.start', job));
  }

  async pause(name: string): Promise<void> {
    this.#put(await core.client.call('jobs.pause', { name }));
  }

  async resume(name: string): Promise<void> {
    this.#put(await core.client.call('jobs.resume', { name }));
  }

  async cancel(name: string): Promise<void> {
    this.#put(await core.client.call('jobs.cancel', { name }));
  }

  /** What a failed job said has been seen. */
  dismiss(name: string): void {
    const all = new Map(this.all);
    if (all.delete(name)) this.all = all;
  }

  #put(job: JobStatus): void {
    const before = this.all.get(job.name);
    this.all = new Map(this.all).set(job.name, job);
    this.#announce(job, before);
    if (before?.state !== job.state || before.progress?.phase !== job.progress?.phase) {
      void libraries.load();
      void libraries.loadMap(job.name);
    }
  }

  #announce(job: JobStatus, before: JobStatus | undefined): void {
    const { name, state } = job;
    if (state !== before?.state) {
      if (state === 'done') ui.announce(m.library_job_done({ name }));
      if (state === 'failed') ui.announce(m.library_job_failed({ name }));
      if (state === 'paused') ui.announce(m.library_job_paused({ name }));
    }
    if (state !== 'running' || job.progress === null || job.progress.total === 0) return;
    const share = shareOf(job) ?? 0;
    const key = `${name} ${job.progress.phase}`;
    const tenth = Math.floor(share / ANNOUNCE_EVERY);
    if (tenth <= (this.#announced.get(key) ?? 0)) return;
    this.#announced.set(key, tenth);
    ui.announce(m.library_announce_reading({ name, percent: formatPercent(tenth * ANNOUNCE_EVERY) }));
  }
}

export const jobs = new Jobs();

/** 0 to 1 of the phase that is under way; null = not known yet. */
export function shareOf(job: JobStatus): number | null {
  const { progress } = job;
  if (progress === null || progress.total === 0) return null;
  return Math.min(1, progress.done / progress.total);
}

/** Tokens that are in the state, by the job's last word; 0 = it says nothing about that. */
export function readBy(job: JobStatus | undefined): number {
  const progress = job?.progress;
  if (progress === null || progress === undefined || progress.unit !== 'tokens') return 0;
  return progress.phase === 'read' || progress.phase === 'checkpoint' ? progress.done : 0;
}
