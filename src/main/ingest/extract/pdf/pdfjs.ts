/** pdf.js for text only: no evaluation, no fonts of the system, no canvas, no network; its worker runs in this thread. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

import { getDocument, type PDFDocumentProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
// Found on the global object, it is used in place of a thread of its own: this is one already.
import * as pdfjsWorker from 'pdfjs-dist/legacy/build/pdf.worker.mjs';

import { AppError } from '../../../../shared/errors.ts';

Object.assign(globalThis, { pdfjsWorker });

const folder = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));

/** @throws AppError 'unsupported' with a password, 'invalid-input' for what is no PDF */
export async function openPdf(bytes: Buffer): Promise<PDFDocumentProxy> {
  const task = getDocument({
    data: new Uint8Array(bytes),
    verbosity: 0,
    disableFontFace: true,
    useSystemFonts: false,
    useWorkerFetch: false,
    useWasm: false,
    isImageDecoderSupported: false,
    isOffscreenCanvasSupported: false,
    enableXfa: false,
    stopAtErrors: false,
    cMapUrl: join(folder, 'cmaps') + sep,
    cMapPacked: true,
    standardFontDataUrl: join(folder, 'standard_fonts') + sep,
  });
  try {
    return await task.promise;
  } catch (error) {
    await task.destroy();
    throw openError(error);
  }
}

function openError(error: unknown): AppError {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  if (name === 'PasswordException')
    return new AppError(
      'unsupported',
      'It is locked with a password.',
      'Save a copy without one, then update.',
      {
        cause: error,
      },
    );
  return new AppError('invalid-input', `It is not a readable PDF (${message}).`, 'Get the file again.', {
    cause: error,
  });
}
