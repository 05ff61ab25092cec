/** Runs the app for this process and others: one owner per data folder. */
export { readOwner } from './owner.ts';
export { openSession, type App, type Session, type SessionOptions } from './session.ts';
