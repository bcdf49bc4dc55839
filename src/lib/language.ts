/** The languages that our own pages speak. The first is spoken to whoever wants none of them. */
export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]

/** The same words in each language; a language that lacks one does not compile. */
export type InEach<Words> = Readonly<Record<Language, Words>>

const longestHeader = 1_000
const offered = /^([a-z]{1,8})(?:-[a-z0-9-]{1,64})?(?:;q=([01](?:\.\d{1,3})?))?$/

/**
 * What a person chose before, else what their browser prefers (RFC 9110 §12.5.4), else English.
 *
 * @param chosen value of the cookie, when there is one
 * @param accepted the `Accept-Language` header; what is not written as it should be is passed over
 */
export function chooseLanguage(chosen: string | undefined, accepted: string | undefined): Language {
  const [first] = languages
  if (isLanguage(chosen)) return chosen
  if (accepted === undefined || accepted.length > longestHeader) return first
  let best: { language: Language; weight: number } | null = null
  for (const part of accepted.toLowerCase().split(',')) {
    const [, language, weightText] = offered.exec(part.replace(/[ \t]/g, '')) ?? []
    const weight = Number(weightText ?? 1)
    if (isLanguage(language) && weight > (best?.weight ?? 0)) best = { language, weight }
  }
  return best?.language ?? first
}

export function isLanguage(text: string | undefined): text is Language {
  return (languages as readonly (string | undefined)[]).includes(text)
}
