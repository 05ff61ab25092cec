/** The use cases of Longleaf behind the RPC contract. `openApp` puts the real parts together. */
export type { App, AppConfig } from './create-app.ts';
export type { OpenAppOptions } from './open-app.ts';
export { openApp } from './open-app.ts';
