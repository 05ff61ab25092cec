/** `{@attach focused}`: the element has the focus as soon as it is there, its text chosen. For what was just asked for. */
export function focused(node: HTMLInputElement | HTMLTextAreaElement): void {
  node.focus();
  if (node instanceof HTMLInputElement) node.select();
  else node.setSelectionRange(node.value.length, node.value.length);
}
