// Stand-ins for what the shell uses of the current Electron and the old one of the smoke test lacks (e2e/electron.test.ts).
// Loaded with -r before the app, and never part of it.
const { app, protocol, session } = require('electron');
const { Buffer } = require('node:buffer');
const { join } = require('node:path');

// Chromium's sandbox does not start as root, which tests in a container are; each page's own stays on.
if (process.getuid?.() === 0) app.enableSandbox = () => {};

URL.canParse ??= (url) => {
  try {
    return Boolean(new URL(url));
  } catch {
    return false;
  }
};
Promise.withResolvers ??= function () {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
String.prototype.toWellFormed ??= function () {
  return String(this);
};

globalThis.Response ??= class {
  constructor(body, { status = 200, headers = {} } = {}) {
    Object.assign(this, { body, status, headers });
  }
};
protocol.handle ??= (scheme, handler) =>
  protocol.registerBufferProtocol(scheme, (request, callback) => {
    handler(request).then(({ body, status, headers }) => {
      const { 'content-type': mimeType = 'text/plain', ...rest } = headers;
      callback({
        statusCode: status,
        mimeType: mimeType.split(';')[0],
        charset: 'utf-8',
        headers: rest,
        data: Buffer.from(body),
      });
    });
  });

app.whenReady().then(() => session.defaultSession.setPreloads([join(module.path, 'old-preload.cjs')]));
