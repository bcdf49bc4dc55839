// oidc-provider's reminders about production would bury what tests print.
for (const level of ['info', 'warn'] as const) {
  const print = console[level].bind(console)
  console[level] = (...words: unknown[]) => {
    if (!String(words[0]).includes('oidc-provider')) print(...words)
  }
}

export {}
