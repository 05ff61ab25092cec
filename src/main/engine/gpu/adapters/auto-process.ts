/** Prints what `auto` takes as JSON: the part of `autoChoice` that drivers run in. Argument: the data folder. */
import { autoDevice } from '../auto-device.ts';
import { deviceNames, environmentOptions } from '../environment-options.ts';

const [, , dataFolder] = process.argv;
const { device, memoryLimit } = environmentOptions(process.env);
const [first, ...others] = deviceNames(device);
const { backend, reason } = await autoDevice({
  ...(first === undefined ? {} : { device: first }),
  ...(memoryLimit === undefined ? {} : { memoryLimit }),
  dataFolder: dataFolder ?? null,
});
const together = backend === 'webgpu' && others.length > 0 ? `, together with ${others.join(', ')}` : '';
process.stdout.write(JSON.stringify({ backend, reason: reason + together }));
process.exit(0);
