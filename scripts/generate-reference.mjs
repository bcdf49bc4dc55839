// Writes the configuration reference and the JSON schema from the built schema (dist). A unit test fails
// while what is committed differs from what this writes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { jsonSchema, referencePage } from '../dist/src/config/index.js'

mkdirSync('docs/reference', { recursive: true })
writeFileSync('docs/reference/config.md', referencePage())
writeFileSync('config/gatehouse.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
