/**
 * What one turn is answered from: the library as a state, read whole, or by its passages; and the prompt that comes of
 * it.
 */
import { AppError } from '../../shared/errors.ts';
import type { Library } from '../../shared/model/index.ts';
import type { AttentionPlan } from '../engine/index.ts';
import type { Store } from '../store/index.ts';
import type { ContextTurn, LibraryPrefix, Reach } from './context.ts';
import {
  checkRoom,
  composeTurn,
  fitsWhole,
  passageBlock,
  passageBudget,
  passagesText,
  reachOf,
} from './context.ts';
import { assertDocuments } from './documents.ts';
import type { EngineChoice, Engines, LoadedModel } from './engines.ts';
import type { LibraryContents } from './library-context.ts';
import { libraryContents, prefixOf } from './library-context.ts';
import { readingPlan } from './library-reading.ts';
import { readingOf } from './library-settings.ts';
import type { ChosenPassage } from './chosen-passage.ts';
import type { ChosenPassages, Nearest, PassageChoice } from './passages.ts';
import { choosePassages, DEFAULT_PASSAGES, NO_PASSAGES } from './passages.ts';
import type { Prompt } from './prompt.ts';
import { subjectWords } from './words.ts';

export interface TurnRequest {
  readonly choice: EngineChoice;
  /** the conversation's library first, then what was attached to it */
  readonly libraries: readonly Library[];
  readonly systemPrompt: string;
  /** earlier turns of the branch, oldest first */
  readonly turns: readonly ContextTurn[];
  readonly question: string;
  /** passages as they were read before (a regeneration); undefined: choose now */
  readonly passagesText: string | undefined;
  readonly usePassages: boolean;
  /** paths in the conversation's library: passages of it come from these documents only; absent: from all */
  readonly documents?: readonly string[] | undefined;
  readonly useState: boolean;
  readonly maxTokens: number;
  readonly whenFull: 'refuse' | 'slide';
}

/**
 * How the library stands in the prompt: not at all, by passages only, whole (it fits the dense range), or as a state
 * that was read before.
 */
export type LibraryMode = 'none' | 'indexed' | 'whole' | 'state';

export interface TurnContextPlan {
  readonly plan: AttentionPlan;
  readonly mode: LibraryMode;
  readonly contents: readonly LibraryContents[];
  /** preamble and library; null unless the mode is 'whole' or 'state' */
  readonly prefix: LibraryPrefix | null;
  readonly passages: readonly ChosenPassage[];
  readonly passagesText: string;
  /** turns that had to be left out because the plan can't slide */
  readonly evicted: readonly { readonly label: string; readonly tokens: number }[];
  /** the prompt with this much of the library */
  readonly compose: (prefix: LibraryPrefix | null) => Prompt;
}

export interface TurnPlanner {
  readonly store: Store;
  readonly engines: Engines;
  /** absent: passages are found by their words alone */
  readonly nearest?: Nearest | undefined;
}

/**
 * @throws AppError 'context-full' when it doesn't fit and nothing may slide out, 'not-found' for a path of
 *   `documents` that is no document of the library
 */
export async function planTurnContext(
  planner: TurnPlanner,
  model: LoadedModel,
  request: TurnRequest,
): Promise<TurnContextPlan> {
  const contents = await Promise.all(
    request.libraries.map((library) => libraryContents(planner.store, library)),
  );
  await checkDocuments(planner, request);
  const { mode, plan } = await chooseMode(planner, model, request, contents);
  const reach = reachOf(plan, model.geometry.trainedLength);
  const main = contents[0];
  const inPrompt = main !== undefined && (mode === 'state' || mode === 'whole');
  const prefix = inPrompt ? await prefixOf(planner.store, model, main) : null;
  const { passages, closest } = request.usePassages
    ? await passagesOf(planner, model, request, reach, contents, mode)
    : NO_PASSAGES;
  const text = request.passagesText ?? passagesText(passages, closest?.text ?? null);
  const composeWith =
    (turns: readonly ContextTurn[]) =>
    (library: LibraryPrefix | null): Prompt =>
      composeTurn(model.writer, { ...request, turns, library, passagesText: text });
  const { turns, evicted } = turnsThatFit(
    model,
    request,
    reach,
    (kept) => composeWith(kept)(prefix).ids.length,
  );
  const compose = composeWith(turns);
  checkRoom(reach, compose(prefix).ids.length, request.maxTokens, request.whenFull);
  return { plan, mode, contents, prefix, passages, passagesText: text, evicted, compose };
}

async function checkDocuments({ store }: TurnPlanner, request: TurnRequest): Promise<void> {
  if (request.documents === undefined) return;
  const [main] = request.libraries;
  if (main === undefined || main.versionId === null)
    throw new AppError(
      'not-found',
      'The conversation has no library that passages could come from.',
      'Choose one, or ask without naming documents.',
    );
  await assertDocuments(store, main.versionId, main.name, request.documents);
}

async function chooseMode(
  { store, engines }: TurnPlanner,
  model: LoadedModel,
  request: TurnRequest,
  contents: readonly LibraryContents[],
): Promise<{ mode: LibraryMode; plan: AttentionPlan }> {
  const ordinary = engines.plan(model, request.choice, 'window');
  const main = contents[0];
  if (main === undefined) return { mode: 'none', plan: ordinary };
  if (!request.useState) return { mode: 'indexed', plan: ordinary };
  const reading = await readingOf(store, main.library.id);
  if (reading !== null && reading.model === model.installed.id) {
    return { mode: 'state', plan: readingPlan(engines, model, request.choice, reading) };
  }
  const reach = reachOf(ordinary, model.geometry.trainedLength);
  const question = model.writer.text(request.question).length;
  const whole = main.documents.length > 0 && fitsWhole(reach, main.tokens, question, request.maxTokens);
  return { mode: whole ? 'whole' : 'indexed', plan: ordinary };
}

/**
 * Of each library its share; a question that names nothing is looked up together with the one before it. A library that
 * is read whole gives no passages, but still the sentence that fits best.
 */
async function passagesOf(
  { store, nearest }: TurnPlanner,
  model: LoadedModel,
  request: TurnRequest,
  reach: Reach,
  contents: readonly LibraryContents[],
  mode: LibraryMode,
): Promise<ChosenPassages> {
  const indexed = contents.filter(({ library }) => library.versionId !== null);
  if (indexed.length === 0) return NO_PASSAGES;
  const before = request.turns.at(-1)?.question ?? '';
  const question =
    subjectWords(request.question).length < 2 ? `${request.question} ${before}` : request.question;
  const tokens = (text: string): number => model.writer.text(text).length;
  const budget = passageBudget(reach, tokens(request.question), request.maxTokens);
  const chosen: ChosenPassages[] = [];
  for (const { library, documents } of indexed) {
    if (library.versionId === null) continue;
    const wanted: PassageChoice = {
      version: library.versionId,
      question,
      documents: library === contents[0]?.library ? request.documents : undefined,
      openings: documents,
      budget: Math.floor(budget / indexed.length),
      limit: Math.max(2, Math.floor(DEFAULT_PASSAGES / indexed.length)),
      count: (block) => tokens(passageBlock(block, 1)),
    };
    const found = await choosePassages(store, wanted, nearest);
    const isWhole = mode === 'whole' && library === contents[0]?.library;
    chosen.push(isWhole ? { ...found, passages: [] } : found);
  }
  const closest = chosen.flatMap((one) => one.closest ?? []).sort((a, b) => b.score - a.score);
  return { passages: chosen.flatMap((one) => one.passages), closest: closest[0] ?? null };
}

/** All turns, or (a plan that can't slide, and the user's word) as many of the latest as fit. */
function turnsThatFit(
  model: LoadedModel,
  request: TurnRequest,
  reach: Reach,
  promptTokens: (turns: readonly ContextTurn[]) => number,
): { turns: readonly ContextTurn[]; evicted: TurnContextPlan['evicted'] } {
  const all = request.turns;
  if (request.whenFull !== 'slide' || reach.slides || reach.limit === null)
    return { turns: all, evicted: [] };
  let first = 0;
  while (first < all.length && promptTokens(all.slice(first)) + request.maxTokens > reach.limit) first += 1;
  const tokens = ({ passagesText: passages, question, answer }: ContextTurn): number =>
    [passages, question, answer].reduce((sum, text) => sum + model.writer.text(text).length, 0);
  const evicted = all.slice(0, first).map((turn) => ({ label: turn.label, tokens: tokens(turn) }));
  return { turns: all.slice(first), evicted };
}
