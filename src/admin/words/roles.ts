import type { InEach, Language } from '../../lib/index.js'
import type { Role } from '../../model.js'

/** What the rights over Gatehouse are called; the configuration and the command line name them by their ids. */
export const roleWords: InEach<Readonly<Record<Role | 'none', string>>> = {
  en: { admin: 'administrator', approver: 'approver', auditor: 'auditor', none: 'vendor' },
  de: { admin: 'Administration', approver: 'Zustimmung', auditor: 'Revision', none: 'Dienstleister' },
}

export function rolesText(roles: readonly Role[], language: Language): string {
  return roles.map((role) => roleWords[language][role]).join(', ')
}

/** What a search looks at: ids, and their names in each language. */
export function textsOfRoles(roles: readonly Role[]): string[] {
  const named = roles.length === 0 ? (['none'] as const) : roles
  return [...roles, ...Object.values(roleWords).flatMap((words) => named.map((role) => words[role]))]
}
