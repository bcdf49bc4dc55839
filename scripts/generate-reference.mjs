// Writes the references of options and commands and the JSON schema from the build (dist). Unit tests fail
// while what is committed differs from what this writes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { commandsPage } from '../dist/src/cli/reference.js'
import { jsonSchema, referencePage } from '../dist/src/config/index.js'

mkdirSync('docs/reference', { recursive: true })
writeFileSync('docs/reference/config.md', referencePage())
writeFileSync('docs/reference/commands.md', commandsPage())
writeFileSync('config/gatehouse.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
