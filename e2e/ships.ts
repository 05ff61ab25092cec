/** What several tests of the page begin with: something in every list. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { vi } from 'vitest';
import { call, PATIENT_MS } from './browser.ts';

/** The library "Ships" of one document, written into `folder` and indexed; a conversation "Gone" in the trash. */
export async function addShips(page: Page, folder: string): Promise<void> {
  writeFileSync(
    join(folder, 'harbour.md'),
    '# Harbours\n\nA harbour is where ships are safe from the sea.\n',
  );
  await call(page, 'jobs.start', { kind: 'add', name: 'Ships', paths: [folder] });
  const indexed = async () => (await call(page, 'library.list', {}))[0]?.status === 'indexed';
  await vi.waitUntil(indexed, { timeout: PATIENT_MS, interval: 200 });
  const gone = await call(page, 'conversations.create', {});
  await call(page, 'conversations.change', { id: gone.id, title: 'Gone' });
  await call(page, 'conversations.delete', { id: gone.id });
}
