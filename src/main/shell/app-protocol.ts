/** `app://longleaf/`: the page's own scheme. Files come from a fixed map, with the same headers as over HTTP. */
import { protocol } from 'electron';
import { readFile } from 'node:fs/promises';
import { noPageHeaders, pageHeaders, type PageFiles } from '../page/index.ts';

export const PAGE_ORIGIN = 'app://longleaf';
export const PAGE_URL = `${PAGE_ORIGIN}/`;

/** Before the app is ready: what kind of scheme it is. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: 'app',
      // Without `corsEnabled`, pages of other origins could read what `supportFetchAPI` opens (CVE-2026-70604).
      privileges: { standard: true, secure: true, supportFetchAPI: true, corsEnabled: true, codeCache: true },
    },
  ]);
}

/** Once it is ready: what it gives out. */
export function handleScheme(page: PageFiles): void {
  protocol.handle('app', async ({ url, method }) => {
    const { host, pathname } = new URL(url);
    const file = host === 'longleaf' && method === 'GET' ? page.get(pathname) : undefined;
    if (!file) return new Response('There is nothing here.', { status: 404, headers: { ...noPageHeaders } });
    const body = await readFile(file.file);
    return new Response(new Uint8Array(body), {
      headers: { ...pageHeaders, 'content-type': file.mediaType, 'content-length': String(body.length) },
    });
  });
}
