// Runs before the app's own preload script, in the old Electron of the smoke test.
const electron = require('electron');

electron.webUtils ??= { getPathForFile: (file) => file.path };
