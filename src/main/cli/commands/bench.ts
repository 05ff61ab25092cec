import type { Command } from '../context.ts';
export const bench: Command = { run: () => Promise.resolve() };
