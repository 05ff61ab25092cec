/** `serve [--port N] [--open]`: the app in a browser of this machine, until Ctrl-C. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hostPages, readOwner, type Hosting } from '../../host/index.ts';
import { startHttp, type HttpServer } from '../../http/index.ts';
import { readPage } from '../../page/index.ts';
import { expectPositionals } from '../arguments.ts';
import type { Command, Context } from '../context.ts';
import { formatError } from '../output.ts';

/** where `npm run build` puts the page */
const pageFolder = fileURLToPath(new URL('../../../../out/renderer', import.meta.url));

/** ms between looks for dropped files that nothing is made of any more */
const TIDY_EVERY_MS = 3_600_000;

export const serve: Command = {
  stopsItself: true,
  options: { port: { type: 'string' }, open: { type: 'boolean' } },
  async run(args, context) {
    expectPositionals(args, []);
    const port = args.integer('port', 0, 65_535);
    const page = await readPage(pageFolder);
    // Opens the data folder, here or through its owner, before anybody is told to come.
    const { pid } = await context.session.call('app.info', {});
    await context.session.call('conversations.list', { limit: 1 });
    if (pid !== process.pid) await sayOwner(context, pid);
    const hosting = hostPages(context.session);
    const server = await startHttp({
      hosting,
      page,
      dataFolder: context.dataFolder,
      ...(port === undefined ? {} : { port }),
    });
    announce(context, server);
    if (args.flag('open')) openInBrowser(server.url);
    await untilInterrupted(context, server, hosting);
  },
};

async function sayOwner({ dataFolder, output }: Context, pid: number): Promise<void> {
  const owner = await readOwner(dataFolder);
  output.note(`note: process ${owner?.pid ?? pid} owns ${dataFolder}; the page works through it.`);
}

function announce({ json, output }: Context, { url, port, token }: HttpServer): void {
  if (json) return output.json({ url, port, token, pid: process.pid });
  output.line(`Longleaf: ${url}`);
  output.note('Open this address in a browser on this machine. Ctrl-C ends.');
}

async function untilInterrupted(context: Context, server: HttpServer, hosting: Hosting): Promise<void> {
  const { signal } = context.interrupts;
  const tidy = () =>
    tidyUploads(context, server).catch((error: unknown) => context.output.note(formatError(error)));
  const timer = setInterval(() => void tidy(), TIDY_EVERY_MS);
  void tidy();
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(timer);
  await hosting.end();
  await server.close();
}

async function tidyUploads({ session }: Context, server: HttpServer): Promise<void> {
  const libraries = await session.call('library.list', {});
  await server.uploads.removeUnused(libraries.flatMap(({ library }) => library.roots));
}

/** As the user's own click on a link would; what fails here is no harm, the address has been printed. */
function openInBrowser(url: string): void {
  const [command, args]: readonly [string, readonly string[]] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['rundll32', ['url.dll,FileProtocolHandler', url]]
        : ['xdg-open', [url]];
  spawn(command, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}
