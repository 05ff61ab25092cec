/** The words of menus and native dialogs. The page has its own (src/renderer/messages). */
export interface ShellText {
  readonly file: string;
  readonly newChat: string;
  readonly addFiles: string;
  readonly addFolder: string;
  readonly exportChat: string;
  readonly edit: string;
  readonly find: string;
  readonly search: string;
  readonly view: string;
  readonly sidebar: string;
  readonly context: string;
  readonly larger: string;
  readonly smaller: string;
  readonly normalSize: string;
  readonly models: string;
  readonly settings: string;
  readonly window: string;
  readonly help: string;
  readonly shortcuts: string;
  readonly dataFolder: string;
  readonly open: string;
  readonly cancel: string;
  readonly quit: string;
  readonly startAgain: string;
  readonly openLink: (where: string) => string;
  readonly coreGivenUp: string;
  readonly coreGivenUpDetail: (reason: string, logFile: string) => string;
  readonly refused: string;
}

const english: ShellText = {
  file: 'File',
  newChat: 'New chat',
  addFiles: 'Add files or folders …',
  addFolder: 'New library …',
  exportChat: 'Export conversation …',
  edit: 'Edit',
  find: 'Find in conversation',
  search: 'Search conversations',
  view: 'View',
  sidebar: 'Show or hide sidebar',
  context: 'Show or hide Context',
  larger: 'Larger text',
  smaller: 'Smaller text',
  normalSize: 'Normal text size',
  models: 'Models',
  settings: 'Settings …',
  window: 'Window',
  help: 'Help',
  shortcuts: 'Keyboard shortcuts',
  dataFolder: 'Open data folder',
  open: 'Open',
  cancel: 'Cancel',
  quit: 'Quit',
  startAgain: 'Start again',
  openLink: (where) => `Open ${where} in your browser?`,
  coreGivenUp: 'Longleaf cannot go on: its core has ended three times within a minute.',
  coreGivenUpDetail: (reason, logFile) =>
    `Everything that was saved is safe. The last reason: ${reason}. Details are in ${logFile}.`,
  refused: 'Longleaf cannot use its data folder.',
};

const japanese: ShellText = {
  file: 'ファイル',
  newChat: '新しいチャット',
  addFiles: 'ファイルやフォルダーを追加…',
  addFolder: '新しいライブラリ…',
  exportChat: '会話を書き出す…',
  edit: '編集',
  find: '会話の中を検索',
  search: '会話を検索',
  view: '表示',
  sidebar: 'サイドバーの表示を切り替え',
  context: 'コンテキストの表示を切り替え',
  larger: '文字を大きく',
  smaller: '文字を小さく',
  normalSize: '標準の文字サイズ',
  models: 'モデル',
  settings: '設定…',
  window: 'ウィンドウ',
  help: 'ヘルプ',
  shortcuts: 'キーボードショートカット',
  dataFolder: 'データフォルダーを開く',
  open: '開く',
  cancel: 'キャンセル',
  quit: '終了',
  startAgain: 'もう一度起動',
  openLink: (where) => `${where} をブラウザーで開きますか?`,
  coreGivenUp: '本体が 1 分間に 3 回終了したため、続けられません。',
  coreGivenUpDetail: (reason, logFile) =>
    `保存済みのものは無事です。最後の理由: ${reason}。詳しくは ${logFile} にあります。`,
  refused: 'データフォルダーを使えません。',
};

/** @param locale of the settings, else of the system: 'ja-JP' */
export function shellText(locale: string): ShellText {
  return locale.toLowerCase().startsWith('ja') ? japanese : english;
}
