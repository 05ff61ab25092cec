// Runs before the app's own preload script, in the old Electron of the smoke test: what it and the page use of the
// current one.
const electron = require('electron');

electron.webUtils ??= { getPathForFile: (file) => file.path };

function newerLanguage() {
  Promise.withResolvers ??= function () {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
  };
  const changed = (name, change) =>
    (Array.prototype[name] ??= function (...args) {
      const copy = [...this];
      return change(copy, args) ?? copy;
    });
  changed('toSorted', (copy, args) => copy.sort(...args));
  changed('toReversed', (copy) => copy.reverse());
  changed('toSpliced', (copy, args) => void copy.splice(...args));
  changed('with', (copy, [at, value]) => void copy.splice(at, 1, value));
  Object.groupBy ??= (items, keyOf) => {
    const groups = {};
    for (const item of items) (groups[keyOf(item)] ??= []).push(item);
    return groups;
  };
  Map.groupBy ??= (items, keyOf) => {
    const groups = new Map();
    for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
    return groups;
  };
  Set.prototype.union ??= function (other) {
    return new Set([...this, ...other]);
  };
  globalThis.HTMLElement.prototype.showPopover ??= () => {};
  globalThis.HTMLElement.prototype.hidePopover ??= () => {};
  URL.canParse ??= (url) => {
    try {
      return Boolean(new URL(url));
    } catch {
      return false;
    }
  };
  String.prototype.isWellFormed ??= () => true;
  String.prototype.toWellFormed ??= function () {
    return String(this);
  };
  globalThis.AbortSignal.any ??= (signals) => {
    const any = new globalThis.AbortController();
    for (const signal of signals) signal.addEventListener('abort', () => any.abort(signal.reason));
    return any.signal;
  };
}

void electron.webFrame.executeJavaScript(`(${newerLanguage})()`);
