/** Of what somebody typed into a search field, as much as is looked at. */
export const longestSearch = 200
const mostWords = 20

/** Letters that have no accent to take away, and that people type without. */
const plainLetters: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
}
const ascii = /^[\x00-\x7f]*$/

/** Text as it is compared: without case, accents and other shapes of the same letter. `Łódź ﬁne` → `lodz fine`. */
export function foldText(text: string): string {
  const lower = text.toLowerCase()
  // Nearly all that is searched: the rest costs ten times as much.
  if (ascii.test(lower)) return lower
  return lower
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[ßæœøłđ]/g, (letter) => plainLetters[letter] ?? letter)
}

/**
 * Whether all words of a search occur somewhere in some texts, in any order. Everything fits an empty search; nothing
 * in it has a meaning of its own, neither wildcard nor quotation mark.
 *
 * @example createMatcher('press cara')(['Press 3', 'cara@plant.example']) // true
 */
export function createMatcher(search: string): (texts: readonly (string | null)[]) => boolean {
  const fits = createFoldedMatcher(search)
  return (texts) => fits(foldText(texts.join('\n')))
}

/** The same for a text that `foldText` has made. */
export function createFoldedMatcher(search: string): (folded: string) => boolean {
  const words = foldText(search.slice(0, longestSearch)).split(/\s+/).filter(Boolean).slice(0, mostWords)
  return (folded) => words.every((word) => folded.includes(word))
}
