/** What each action is called where shortcuts are listed. */
import { m } from '../paraglide/messages.js';
import type { ActionName } from '../stores/actions.svelte.ts';

export const actionTitles: Readonly<Record<ActionName, () => string>> = {
  'chat.new': m.action_chat_new,
  'chat.stop': m.action_chat_stop,
  'chat.focusMessage': m.action_chat_focus_message,
  'chat.find': m.action_chat_find,
  'chat.copyAnswer': m.action_chat_copy_answer,
  'chat.copyCode': m.action_chat_copy_code,
  'chat.export': m.action_chat_export,
  'chat.previousBranch': m.action_chat_previous_branch,
  'chat.nextBranch': m.action_chat_next_branch,
  'conversations.search': m.action_conversations_search,
  'files.add': m.action_files_add,
  'libraries.add': m.action_libraries_add,
  'models.show': m.action_models_show,
  'settings.show': m.action_settings_show,
  'shortcuts.show': m.action_shortcuts_show,
  'sidebar.toggle': m.action_sidebar_toggle,
  'context.toggle': m.action_context_toggle,
  'zoom.in': m.action_zoom_in,
  'zoom.out': m.action_zoom_out,
  'zoom.reset': m.action_zoom_reset,
  'region.next': m.action_region_next,
  'region.previous': m.action_region_previous,
};

/** In the groups that they are shown in. */
export const actionGroups: readonly {
  readonly title: () => string;
  readonly actions: readonly ActionName[];
}[] = [
  {
    title: m.action_group_chat,
    actions: [
      'chat.new',
      'chat.stop',
      'chat.focusMessage',
      'chat.find',
      'chat.copyAnswer',
      'chat.copyCode',
      'chat.previousBranch',
      'chat.nextBranch',
      'chat.export',
    ],
  },
  {
    title: m.action_group_go,
    actions: [
      'conversations.search',
      'files.add',
      'libraries.add',
      'models.show',
      'settings.show',
      'shortcuts.show',
    ],
  },
  {
    title: m.action_group_window,
    actions: [
      'sidebar.toggle',
      'context.toggle',
      'region.next',
      'region.previous',
      'zoom.in',
      'zoom.out',
      'zoom.reset',
    ],
  },
];
