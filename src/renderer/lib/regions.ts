/** F6 goes round the regions of the window. A region is any landmark with a name. */
const REGIONS =
  'nav[aria-label], main[aria-label], aside[aria-label], section[aria-label], [role="region"][aria-label]';
const FOCUSABLE = 'a[href], button, input, textarea, select, [tabindex]:not([tabindex="-1"])';

/** @param step 1 = the next one, -1 = the one before */
export function goToRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll<HTMLElement>(REGIONS)].filter((region) =>
    region.checkVisibility(),
  );
  if (regions.length === 0) return;
  const at = regions.findLastIndex((region) => region.contains(document.activeElement));
  const from = at < 0 ? (step > 0 ? -1 : 0) : at;
  enter(regions[(from + step + regions.length) % regions.length]);
}

/** What is current in it, else the place to write, else the first that can be focused, else itself. */
function enter(region: HTMLElement | undefined): void {
  if (region === undefined) return;
  const inside = [...region.querySelectorAll<HTMLElement>(FOCUSABLE)].filter((node) =>
    node.checkVisibility(),
  );
  const wanted =
    inside.find((node) => node.matches('[aria-current], textarea, [role="textbox"]')) ??
    inside.find((node) => node.tabIndex >= 0);
  if (wanted !== undefined) return wanted.focus();
  region.tabIndex = -1;
  region.focus();
}
