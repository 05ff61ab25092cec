#!/usr/bin/env node
/** Composition root of the terminal: `longleaf <command>`. Everything is loaded late, so that commands start fast. */
import module from 'node:module';

module.enableCompileCache();
const { main } = await import('./cli/index.ts');
await main(process.argv.slice(2));
