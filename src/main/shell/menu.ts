/** The window's menu. What it does in the page goes there by the name of the action; keys that the page handles are only shown. */
import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { ShellText } from './text.ts';

export interface MenuActions {
  /** an action of the page (stores/actions.svelte.ts) */
  readonly perform: (action: string) => void;
  readonly showDataFolder: () => void;
}

export function setMenu(text: ShellText, { perform, showDataFolder }: MenuActions): void {
  const item = (label: string, action: string, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    click: () => perform(action),
    // The page has the key, where the user may have given it to something else.
    ...(accelerator === undefined ? {} : { accelerator, registerAccelerator: false }),
  });
  const mac = process.platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(mac ? [macMenu(item(text.settings, 'settings.show', 'Cmd+,'))] : []),
    {
      label: text.file,
      submenu: [
        item(text.newChat, 'chat.new', 'CmdOrCtrl+N'),
        item(text.addFiles, 'files.add'),
        item(text.addFolder, 'libraries.add'),
        { type: 'separator' },
        item(text.exportChat, 'chat.export'),
        { type: 'separator' },
        ...(mac ? [] : [item(text.settings, 'settings.show', 'Ctrl+,'), { type: 'separator' } as const]),
        mac ? { role: 'close' } : { role: 'quit', label: text.quit },
      ],
    },
    {
      label: text.edit,
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
        { type: 'separator' },
        item(text.find, 'chat.find'),
        item(text.search, 'conversations.search'),
      ],
    },
    {
      label: text.view,
      submenu: [
        item(text.sidebar, 'sidebar.toggle'),
        item(text.context, 'context.toggle'),
        item(text.models, 'models.show'),
        { type: 'separator' },
        item(text.larger, 'zoom.in'),
        item(text.smaller, 'zoom.out'),
        item(text.normalSize, 'zoom.reset'),
        { type: 'separator' },
        { role: 'togglefullscreen' },
      ],
    },
    { label: text.window, role: 'windowMenu' },
    {
      label: text.help,
      role: 'help',
      submenu: [
        item(text.shortcuts, 'shortcuts.show', 'CmdOrCtrl+/'),
        { label: text.dataFolder, click: showDataFolder },
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}

function macMenu(settings: MenuItemConstructorOptions): MenuItemConstructorOptions {
  return {
    role: 'appMenu',
    submenu: [
      { role: 'about' },
      { type: 'separator' },
      settings,
      { type: 'separator' },
      { role: 'hide' },
      { role: 'hideOthers' },
      { role: 'unhide' },
      { type: 'separator' },
      { role: 'quit' },
    ],
  };
}
