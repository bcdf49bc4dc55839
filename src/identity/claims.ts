export function principalId(issuer: string, subject: string): string {
  throw new Error(`not built yet ${issuer} ${subject}`)
}
