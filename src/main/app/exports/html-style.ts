/** The style sheet of HTML exports: the look of the window (tokens of the visual language), with system fonts. */
export const htmlStyle = `
:root {
  color-scheme: light dark;
  --sheet: #FDFDFB; --well: #F0F2ED; --block: #F1F4EF; --line: #DCE0D9;
  --ink: #1A201D; --ink-2: #454E49; --ink-3: #5F6963; --pine: #1B6145; --mark-ink: #7E5300;
  --read: Literata, "Noto Serif JP", "Hiragino Mincho ProN", "Yu Mincho", Georgia, "Times New Roman", serif;
  --ui: Inter, "Noto Sans JP", "Hiragino Sans", "Yu Gothic UI", system-ui, sans-serif;
  --mono: "JetBrains Mono", "Noto Sans Mono CJK JP", ui-monospace, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --sheet: #1A1F1C; --well: #141816; --block: #232925; --line: #2C332F;
    --ink: #E4E8E2; --ink-2: #B6BEB8; --ink-3: #929C95; --pine: #86CBA8; --mark-ink: #E5BB58;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--sheet); color: var(--ink); font: 17px/28px var(--read); }
main { max-width: 44rem; margin: 0 auto; padding: 48px 24px 96px; overflow-wrap: anywhere; }
header { border-bottom: 1px solid var(--line); margin-bottom: 32px; padding-bottom: 16px; }
h1 { font: 400 28px/36px var(--read); letter-spacing: -0.01em; text-wrap: balance; margin: 0 0 8px; }
header p, .receipt, .sources, .ending, .notes .place, .notes a { font: 12px/18px var(--ui); color: var(--ink-3); }
header p { margin: 0; }
article { margin: 0 0 32px; }
article > h2, .notes > h2 { font: 600 12px/16px var(--ui); color: var(--ink-2); margin: 0 0 8px; }
.question .text { background: var(--block); border-radius: 5px; padding: 12px 16px; font: 14px/20px var(--ui); }
.typed { white-space: pre-wrap; }
.text { text-wrap: pretty; }
.text p, .text ul, .text ol, .text blockquote, .text pre, .text table { margin: 0 0 16px; }
.question .text p { margin: 0; }
.text h1, .text h2, .text h3, .text h4, .text h5, .text h6 { font: 600 17px/24px var(--read); margin: 24px 0 8px; }
.text h1 { font-size: 21px; line-height: 28px; }
.text blockquote { margin-left: 24px; font-style: italic; }
pre, code { font: 12.5px/20px var(--mono); }
code { background: var(--well); border-radius: 3px; padding: 1px 4px; }
pre { background: var(--well); border-radius: 5px; padding: 12px 16px; white-space: pre-wrap; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; font: 14px/20px var(--ui); }
th, td { border-bottom: 1px solid var(--line); padding: 6px 12px 6px 0; text-align: left; vertical-align: top; }
.align-center { text-align: center; }
.align-right { text-align: right; }
hr { border: 0; border-top: 1px solid var(--line); margin: 24px 0; }
a { color: var(--pine); text-underline-offset: 3px; }
.image-text::before { content: "Image: "; color: var(--ink-3); }
.image-text { font-style: italic; }
.ending { color: var(--mark-ink); }
.sources, .receipt, .ending { margin: 4px 0 0; }
.notes { border-top: 1px solid var(--line); padding-top: 24px; }
.notes ol { padding-left: 28px; margin: 0; }
.notes li { margin-bottom: 16px; font: 15px/24px var(--read); }
.notes li::marker { font: 12px/24px var(--ui); color: var(--ink-3); }
.notes blockquote { margin: 2px 0; }
.place { display: block; }
:target { background: var(--well); }
:lang(ja) { line-break: strict; text-autospace: normal; text-spacing-trim: trim-start; }
.answer .text:lang(ja) { font-size: 16.5px; line-height: 32px; }
:lang(ja) em { font-style: normal; text-emphasis: filled sesame; }
:lang(ja) blockquote, blockquote:lang(ja) { font-style: normal; }
@media print {
  :root {
    --sheet: #FFFFFF; --well: #F4F4F2; --block: #F4F4F2; --line: #BBBBBB;
    --ink: #000000; --ink-2: #333333; --ink-3: #555555; --pine: #000000; --mark-ink: #555555;
  }
  body { font-size: 11pt; line-height: 16pt; }
  main { max-width: none; padding: 0; }
  article > h2, .text h1, .text h2, .text h3 { break-after: avoid; }
  pre, blockquote, tr, .notes li { break-inside: avoid; }
}
`;
