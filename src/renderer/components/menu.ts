import type { Component } from 'svelte';

/** One line of a menu. */
export type MenuItem =
  | 'separator'
  | {
      readonly label: string;
      readonly run: () => void;
      readonly icon?: Component<{ size: number; strokeWidth: number }>;
      /** as `shortcutOf` gives it */
      readonly shortcut?: string;
      /** given: one of several, of which one is chosen */
      readonly checked?: boolean;
      readonly danger?: boolean;
      readonly disabled?: boolean;
      /** shown on hover: why it is off, or what it costs */
      readonly hint?: string;
    };
