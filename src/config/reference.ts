import { z } from 'zod'
import { assert } from '../lib/index.js'
import { forms, optionTexts, sectionTexts, type Form } from './fields.js'
import { fileSchema } from './schema.js'
import { entriesOf, unwrap, type Entry } from './tree.js'

/** The published JSON schema of the configuration file, for editors. */
export function jsonSchema(): unknown {
  const schema = z.toJSONSchema(fileSchema, {
    io: 'input',
    // What editors understand; newer drafts gain nothing here.
    target: 'draft-07',
    override: ({ zodSchema, jsonSchema }) => {
      const description = optionTexts.get(zodSchema)?.what ?? sectionTexts.get(zodSchema)?.what
      const pattern = forms.get(zodSchema)?.pattern
      Object.assign(jsonSchema, description && { description }, pattern && { pattern })
    },
  })
  return { ...schema, title: 'Gatehouse configuration' }
}

const heading = `<!-- Made by scripts/generate-reference.mjs from src/config/schema.ts. Change it there. -->

# Configuration reference

${sectionTexts.get(fileSchema)?.what ?? ''}

\`gatehouse check --config FILE\` lists every problem of a file with its line. Complete examples stand in [\`config/\`](../../config/), with a JSON schema that gives editors completion.`

/** The content of `docs/reference/config.md`. */
export function referencePage(): string {
  const parts = [...entriesOf(fileSchema)].map((entry) =>
    entry.isSection ? sectionPart(entry) : optionPart(entry),
  )
  return `${[heading, ...parts].join('\n\n')}\n`
}

function sectionPart({ path, schema }: Entry): string {
  return `${path.includes('.') ? '###' : '##'} \`${path}\`\n\n${sectionTexts.get(unwrap(schema))?.what ?? ''}`
}

function optionPart({ path, schema }: Entry): string {
  const text = optionTexts.get(schema)
  assert(text, `the option ${path} has no documentation`)
  const { says, unit, range } = formOf(schema)
  const facts = [
    `Value: ${says}`,
    unit === undefined ? '' : `Unit: ${unit}`,
    range === undefined ? '' : `Range: ${range}`,
    defaultOf(schema, text.default),
    `Danger: ${text.danger}`,
  ]
  const list = facts.filter((fact) => fact !== '').map((fact) => `- ${/[.]$/.test(fact) ? fact : `${fact}.`}`)
  return `### \`${path}\`\n\n${text.what}\n\n${list.join('\n')}`
}

function formOf(schema: z.core.$ZodType): Form {
  const inner = unwrap(schema)
  if (inner instanceof z.ZodEnum)
    return { says: inner.options.map((value) => `\`${String(value)}\``).join(' or ') }
  const form = forms.get(inner instanceof z.ZodPipe ? inner.in : inner)
  assert(form, 'every kind of value says how it is written')
  return form
}

function defaultOf(schema: z.core.$ZodType, inWords: string | undefined): string {
  if (inWords !== undefined) return `Default: ${inWords}`
  if (schema instanceof z.ZodOptional) return 'Default: not set'
  if (!(schema instanceof z.ZodPrefault)) return 'Required'
  const value = schema.def.defaultValue
  return `Default: \`${typeof value === 'string' ? value : JSON.stringify(value)}\``
}
