/** A process that does one thing through the data folder of its first argument: `list`, `slow` or `hold`. */
import { openSession } from '../session.ts';
import { fakeApp } from './fake-app.ts';

const [dataFolder = '', task = 'list'] = process.argv.slice(2);
const session = openSession({ dataFolder, version: 'test', createApp: () => Promise.resolve(fakeApp()) });
const { pid } = await session.call('app.info', {});
process.stdout.write(`owner ${pid}\n`);
if (task === 'hold') {
  // until it is killed
  const forever = setInterval(() => {}, 1000);
  process.on('SIGTERM', () => clearInterval(forever));
} else if (task === 'slow') {
  let items = 0;
  for await (const _ of session.stream('library.add', { name: 'slow', paths: ['/a', '/b'] })) items += 1;
  process.stdout.write(`items ${items}\n`);
} else {
  await session.call('library.list', {});
}
if (task !== 'hold') await session.end();
