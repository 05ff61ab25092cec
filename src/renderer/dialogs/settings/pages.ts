/** The pages of the settings, in their order. */
import type { Component } from 'svelte';
import Cpu from '@lucide/svelte/icons/cpu';
import HardDrive from '@lucide/svelte/icons/hard-drive';
import Info from '@lucide/svelte/icons/info';
import Keyboard from '@lucide/svelte/icons/keyboard';
import LibraryBig from '@lucide/svelte/icons/library-big';
import MessageSquare from '@lucide/svelte/icons/message-square';
import Microchip from '@lucide/svelte/icons/microchip';
import SlidersHorizontal from '@lucide/svelte/icons/sliders-horizontal';
import { m } from '../../paraglide/messages.js';
import AboutPage from './AboutPage.svelte';
import ChatPage from './ChatPage.svelte';
import DataPage from './DataPage.svelte';
import GeneralPage from './GeneralPage.svelte';
import HardwarePage from './HardwarePage.svelte';
import LibrariesPage from './LibrariesPage.svelte';
import ModelsPage from './ModelsPage.svelte';
import ShortcutsPage from './ShortcutsPage.svelte';

interface SettingsPage {
  /** as `ui.open({ kind: 'settings', page })` names it */
  readonly id: string;
  readonly title: () => string;
  readonly icon: Component<{ size: number; strokeWidth: number }>;
  readonly page: Component;
}

export const pages: readonly [SettingsPage, ...SettingsPage[]] = [
  { id: 'general', title: m.settings_page_general, icon: SlidersHorizontal, page: GeneralPage },
  { id: 'chat', title: m.settings_page_chat, icon: MessageSquare, page: ChatPage },
  { id: 'libraries', title: m.settings_page_libraries, icon: LibraryBig, page: LibrariesPage },
  { id: 'models', title: m.settings_page_models, icon: Cpu, page: ModelsPage },
  { id: 'data', title: m.settings_page_data, icon: HardDrive, page: DataPage },
  { id: 'shortcuts', title: m.settings_page_shortcuts, icon: Keyboard, page: ShortcutsPage },
  { id: 'hardware', title: m.settings_page_hardware, icon: Microchip, page: HardwarePage },
  { id: 'about', title: m.settings_page_about, icon: Info, page: AboutPage },
];
