import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../../src/lib/index.js'
import { cutCauses, reasons } from '../../src/model.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/reference/answers.md'), 'utf8')

/** The cells of each row of the table under a heading, the first without its backticks. */
function rowsUnder(heading: string): string[][] {
  const part = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
  return [...part.matchAll(/^\| `([a-z-]+)` \|(.*)\|$/gm)].map(([, name = '', rest = '']) => [
    name,
    ...rest.split('|').map((cell) => cell.trim()),
  ])
}

describe('the reference of answers', () => {
  it('lists every reason of a decision, in the order of the code', () => {
    expect(rowsUnder('Reasons of a decision').map(([name]) => name)).toEqual(reasons)
  })

  it('lists every cause of a cut', () => {
    expect(rowsUnder('Causes of a cut').map(([name]) => name)).toEqual(cutCauses)
  })

  it('lists every error code with its status', () => {
    const listed = rowsUnder('Error codes').map(([name, status]) => [name, Number(status)])
    expect(listed).toEqual(Object.entries(errorCodes))
  })
})
