/**
 * Opens each file named on the command line in a process of its own and prints, as one JSON line per file, how it
 * ended, how much processor time it took (the machine may be busy), and by how much the process's peak memory grew over what it was before the first file.
 */
import { openGguf } from '../index.ts';
import { toWire } from '../../../shared/errors.ts';

const before = process.resourceUsage().maxRSS;
for (const path of process.argv.slice(2)) {
  const start = process.cpuUsage();
  const ended = await openGguf(path).then(
    async (file) => {
      await file.close();
      return { accepted: true, name: file.metadata.get('general.name') ?? null };
    },
    (error: unknown) => ({ accepted: false, ...toWire(error) }),
  );
  const grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
  const { user, system } = process.cpuUsage(start);
  const ms = (user + system) / 1000;
  process.stdout.write(`${JSON.stringify({ path, ms, grownBytes, ...ended })}\n`);
}
