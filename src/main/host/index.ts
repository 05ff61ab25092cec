/** Runs the app for this process and others: one owner per data folder. */
export { openSession, type App, type Session, type SessionOptions } from './session.ts';
