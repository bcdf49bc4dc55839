// Writes the references of options, commands and the API, and the JSON schema from the build (dist). Unit tests fail
// while what is committed differs from what this writes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { apiReference } from '../dist/src/admin/index.js'
import { commandsPage } from '../dist/src/cli/reference.js'
import { jsonSchema, referencePage } from '../dist/src/config/index.js'

mkdirSync('docs/reference', { recursive: true })
writeFileSync('docs/reference/config.md', referencePage())
writeFileSync('docs/reference/commands.md', commandsPage())
writeFileSync('config/gatehouse.schema.json', `${JSON.stringify(jsonSchema(), null, 2)}\n`)
const api = apiReference()
writeFileSync('docs/reference/api.md', api.page)
writeFileSync('docs/reference/openapi.json', `${JSON.stringify(api.document, null, 2)}\n`)
