export { contract } from './contract.ts';
export type {
  Args,
  ArgsInput,
  CallContext,
  Contract,
  Handlers,
  Item,
  Method,
  Result,
  StreamMethod,
  UnaryMethod,
} from './contract.ts';
export type * from './events.ts';
export type * from './reports.ts';
export { defaultSettings, settingsFrom } from './settings.ts';
export type { SettingKey, Settings, SettingsPatch } from './settings.ts';
export { createClient, wasNotBegun, type Client } from './client.ts';
export { join as joinEvents } from './join.ts';
export { parseFrame, type Frame, type Port } from './protocol.ts';
export { serve, type Serving } from './server.ts';
