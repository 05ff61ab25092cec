/** Settings apply at once: `change` sends what is meant, and shows what the core refuses. */
import type { SettingsPatch } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

export function changeSettings(patch: SettingsPatch): void {
  void ui.attempt(() => core.change(patch));
}
