import { Random } from './random.js'

/** Something that is held to a rule by millions of samples. */
export interface Subject<Sample> {
  generate(random: Random): Sample
  /** What became of a sample, for the tally; or what is wrong. */
  judge(sample: Sample): Verdict | Promise<Verdict>
  /** Samples that are a little simpler. */
  simpler(sample: Sample): Iterable<Sample>
  show(sample: Sample): string
  close?(): Promise<void>
}

export type Verdict = { readonly outcome: string } | { readonly wrong: string }

export interface Range {
  readonly seed: number
  readonly from: number
  readonly count: number
}

export interface Finding {
  /** Makes the sample again, together with the seed. */
  readonly index: number
  readonly wrong: string
  /** The simplest sample found that is wrong as well. */
  readonly shown: string
}

export interface Result {
  readonly finding: Finding | null
  readonly outcomes: Readonly<Record<string, number>>
}

/** Judges a range of samples, up to the first that is wrong. */
export async function campaign<Sample>(
  subject: Subject<Sample>,
  { seed, from, count }: Range,
  onProgress: (done: number) => void = () => undefined,
): Promise<Result> {
  const outcomes: Record<string, number> = {}
  for (let done = 0; done < count; done += 1) {
    const index = from + done
    const sample = subject.generate(new Random(seed, index))
    const verdict = await judge(subject, sample)
    if ('wrong' in verdict)
      return { finding: { index, ...(await simplest(subject, sample, verdict.wrong)) }, outcomes }
    outcomes[verdict.outcome] = (outcomes[verdict.outcome] ?? 0) + 1
    if (done % 1_024 === 0) onProgress(done)
  }
  return { finding: null, outcomes }
}

/** A crash is a finding like any other. */
async function judge<Sample>(subject: Subject<Sample>, sample: Sample): Promise<Verdict> {
  try {
    return await subject.judge(sample)
  } catch (error) {
    return { wrong: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

async function simplest<Sample>(
  subject: Subject<Sample>,
  sample: Sample,
  wrong: string,
): Promise<Omit<Finding, 'index'>> {
  for (const simpler of subject.simpler(sample)) {
    const verdict = await judge(subject, simpler)
    if ('wrong' in verdict) return simplest(subject, simpler, verdict.wrong)
  }
  return { wrong, shown: subject.show(sample) }
}

/** The text less each of its parts, the largest first. */
export function* shorter(text: string): Generator<string> {
  for (let size = text.length >> 1; size > 0; size >>= 1)
    for (let at = 0; at < text.length; at += size) yield text.slice(0, at) + text.slice(at + size)
}
