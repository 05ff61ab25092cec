/** Runs the app for this process and others: one owner per data folder. */
export { hostPages, type Hosting } from './hosting.ts';
export { readOwner } from './owner.ts';
export { openSession, type App, type Session, type SessionOptions } from './session.ts';
export { websocketPort } from './ports/websocket.ts';
