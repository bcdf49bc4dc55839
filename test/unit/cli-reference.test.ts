import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram, leavesOf, pathOf } from '../../src/cli/program.js'
import { commandsPage } from '../../src/cli/reference.js'
import { createShell } from '../../src/cli/shell.js'
import { systemClock } from '../../src/lib/index.js'

const nowhere = { out: () => undefined, err: () => undefined }
const commands = leavesOf(createProgram(createShell(nowhere, systemClock, () => undefined)))

describe('the reference of commands', () => {
  it('is what the commands make (otherwise run: npm run build && node scripts/generate-reference.mjs)', () => {
    const committed = readFileSync(join(import.meta.dirname, '../../docs/reference/commands.md'), 'utf8')
    expect(committed).toBe(commandsPage())
  })

  it.each(commands.map((command) => [pathOf(command), command] as const))(
    'tells what %s does, and what each of its options means',
    (path, command) => {
      expect(commandsPage()).toContain(`\n## \`${path}\`\n`)
      expect(command.summary()).toMatch(/^\p{Lu}.+\.$/u)
      for (const { long, description } of command.options) {
        expect([long, description]).toEqual([
          expect.stringMatching(/^--[a-z]+$/),
          expect.stringMatching(/\w/),
        ])
      }
    },
  )
})
