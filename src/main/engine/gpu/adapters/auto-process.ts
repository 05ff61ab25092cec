/** Prints what `auto` takes as JSON: the part of `autoChoice` that drivers run in. Argument: the data folder. */
import { autoDevice } from '../auto-device.ts';
import { environmentOptions } from '../environment-options.ts';

const [, , dataFolder] = process.argv;
const { device, memoryLimit } = environmentOptions(process.env);
const { backend, reason } = await autoDevice({
  ...(device === undefined ? {} : { device }),
  ...(memoryLimit === undefined ? {} : { memoryLimit }),
  dataFolder: dataFolder ?? null,
});
process.stdout.write(JSON.stringify({ backend, reason }));
process.exit(0);
