/** The question sets of this folder, checked as they are read. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';

const answerable = v.object({
  id: v.string(),
  question: v.string(),
  answerable: v.literal(true),
  /** for the reader of the results */
  answer: v.string(),
  /** an answer or a quote that matches holds the right answer */
  answerPattern: v.string(),
  /** a passage that matches says so */
  evidencePattern: v.string(),
  /** beginning of an answer, for the log-probability of `gold` after it */
  stem: v.string(),
  gold: v.string(),
});

const unanswerable = v.object({ id: v.string(), question: v.string(), answerable: v.literal(false) });

const questionSet = v.object({
  /** within the test data */
  book: v.string(),
  note: v.string(),
  questions: v.array(v.variant('answerable', [answerable, unanswerable])),
});

export type QuestionSet = v.InferOutput<typeof questionSet>;

/** @param name 'moby' (the 20 of the issue) or 'moby-dev' (for tuning) */
export async function readQuestionSet(name: string): Promise<QuestionSet> {
  const text = await readFile(new URL(`./${name}.json`, import.meta.url), 'utf8');
  return v.parse(questionSet, JSON.parse(text));
}

/** Patterns are matched without regard to line ends. */
export function matches(pattern: string, text: string): boolean {
  return new RegExp(pattern, 's').test(text.replace(/\s+/g, ' '));
}
