/** Chats to text by the model's own template, with content kept apart from the template's marks. */
import { createHash, randomInt } from 'node:crypto';
import { parseTemplate, runTemplate, TemplateRefusal, unusable } from './template-interpreter.ts';
import type { Program } from './template-interpreter.ts';
import type { ChatMessage, ChatTemplate, TextSegment, TokenizerMetadata } from './types.ts';
import { flag, readVocabulary, text } from './vocabulary.ts';

/** For files without a template: ChatML, which most small models were tuned with. */
const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** For Gemma's files without a template: its turns, in which a system text leads the first question. */
const gemmaTurns =
  "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('There is no system role.') }}{% endif %}" +
  "{% for message in messages %}{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = 'user' %}{% endif %}" +
  "{{ '<start_of_turn>' + role + '\n' }}{{ message['content'] | trim }}{{ '<end_of_turn>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

interface CompiledTemplate {
  readonly program: Program;
  /** texts of the tokens, empty when the model has none */
  readonly bos: string;
  readonly eos: string;
  /** BOS is put first where the template does not do it */
  readonly addBos: boolean;
}

/**
 * Compiles `tokenizer.chat_template`; where a file has none, Gemma's turns if its vocabulary has them, else ChatML. What `render` returns is the whole text: encode
 * it with `encodeSegments` and without `addBos`, the segments begin with BOS where the model wants it.
 * @throws AppError 'invalid-input' for a template that cannot be parsed
 */
export function createChatTemplate(metadata: TokenizerMetadata): ChatTemplate {
  const vocabulary = readVocabulary(metadata);
  const customary = vocabulary.tokens.includes('<start_of_turn>') ? gemmaTurns : chatMl;
  const source = text(metadata, 'tokenizer.chat_template') ?? customary;
  const nameOf = (id: number | null): string => (id === null ? '' : vocabulary.tokens[id]);
  const template: CompiledTemplate = {
    program: parseTemplate(source),
    bos: nameOf(vocabulary.bos),
    eos: nameOf(vocabulary.eos),
    addBos: flag(
      metadata,
      'tokenizer.ggml.add_bos_token',
      text(metadata, 'tokenizer.ggml.model') === 'llama',
    ),
  };
  return {
    fingerprint: createHash('sha256').update(source).digest('hex'),
    render: (messages, options) => render(template, messages, options.addGenerationPrompt),
  };
}

function render(
  template: CompiledTemplate,
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
): readonly TextSegment[] {
  try {
    return renderOnce(template, messages, addGenerationPrompt);
  } catch (error) {
    // Some templates know no system role (Gemma): its text then leads the first question.
    const merged = mergeSystem(messages);
    if (!(error instanceof TemplateRefusal) || merged === null) throw error;
    return renderOnce(template, merged, addGenerationPrompt);
  }
}

function mergeSystem(messages: readonly ChatMessage[]): readonly ChatMessage[] | null {
  const [system, first, ...rest] = messages;
  if (system?.role !== 'system' || first?.role !== 'user') return null;
  return [{ role: 'user', content: `${system.content}\n\n${first.content}` }, ...rest];
}

/**
 * The template never sees the contents. It gets a mark for each, which nobody can guess, and the marks in its output
 * are where contents go: so a content's "<|im_end|>" is not taken for the template's. White space around a mark tells
 * whether the template trims contents.
 */
function renderOnce(
  template: CompiledTemplate,
  messages: readonly ChatMessage[],
  addGenerationPrompt: boolean,
): readonly TextSegment[] {
  const nonce = `${randomInt(2 ** 47)}${randomInt(2 ** 47)}`;
  const output = runTemplate(template.program, {
    messages: messages.map(({ role }, i) => ({ role, content: `${pad}\uE000${nonce}.${i}\uE001${pad}` })),
    add_generation_prompt: addGenerationPrompt,
    bos_token: template.bos,
    eos_token: template.eos,
  });
  const segments = splitAtMarks(output, nonce, messages);
  if (!template.addBos || template.bos === '' || output.startsWith(template.bos)) return segments;
  return [{ text: template.bos, special: true }, ...segments];
}

/** EM QUAD: white space that trimming removes and no template writes */
const pad = '\u2001';

function splitAtMarks(output: string, nonce: string, messages: readonly ChatMessage[]): TextSegment[] {
  const mark = new RegExp(`(${pad}?)\uE000${nonce}\\.(\\d+)\uE001(${pad}?)`, 'gu');
  const segments: TextSegment[] = [];
  const missing = new Set(messages.keys());
  let end = 0;
  for (const match of output.matchAll(mark)) {
    const [whole, before, index, after] = match;
    addSegment(segments, output.slice(end, match.index), true);
    addSegment(segments, trimmed(messages[Number(index)].content, before === '', after === ''), false);
    missing.delete(Number(index));
    end = match.index + whole.length;
  }
  addSegment(segments, output.slice(end), true);
  for (const index of missing) {
    if (messages[index].role === 'system') throw new TemplateRefusal('it leaves out the system message.');
    throw unusable(`it leaves out message ${index + 1} of ${messages.length}`);
  }
  return segments;
}

function addSegment(segments: TextSegment[], content: string, special: boolean): void {
  if (content !== '') segments.push({ text: content, special });
}

function trimmed(content: string, start: boolean, end: boolean): string {
  const fromStart = start ? content.trimStart() : content;
  return end ? fromStart.trimEnd() : fromStart;
}
