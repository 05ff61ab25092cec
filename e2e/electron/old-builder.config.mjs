// The real configuration, on the old Electron of the smoke test, without the one fuse that it does not have yet.
import config from '../../electron-builder.config.mjs';

const electronFuses = { ...config.electronFuses };
delete electronFuses.grantFileProtocolExtraPrivileges;
const runtime = process.env.LONGLEAF_ELECTRON_RUNTIME;

export default {
  ...config,
  electronVersion: '22.3.25',
  electronDist: runtime,
  electronFuses,
  directories: { ...config.directories, output: process.env.LONGLEAF_PACKAGE_OUTPUT },
};
