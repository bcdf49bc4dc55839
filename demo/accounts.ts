import type { ProviderAccount } from './identity-provider.js'

/** Who can sign in to the demo. Nothing here is a secret: it opens a simulated plant on this machine. */
export const demoAccounts: readonly (ProviderAccount & { readonly title: string })[] = [
  {
    title: 'Vendor engineer',
    login: 'vendor',
    password: 'demo-vendor',
    subject: 'demo-ana',
    email: 'ana@machines.example',
    emailVerified: true,
    name: 'Ana Ruiz',
    groups: ['vendors'],
  },
  {
    title: 'Approver',
    login: 'approver',
    password: 'demo-approver',
    subject: 'demo-ben',
    email: 'ben@plant.example',
    emailVerified: true,
    name: 'Ben Okafor',
    groups: ['line-leads'],
  },
  {
    title: 'Administrator',
    login: 'admin',
    password: 'demo-admin',
    subject: 'demo-cara',
    email: 'cara@plant.example',
    emailVerified: true,
    name: 'Cara Lind',
    groups: ['plant-it'],
  },
  {
    title: 'Auditor',
    login: 'auditor',
    password: 'demo-auditor',
    subject: 'demo-ada',
    email: 'ada@plant.example',
    emailVerified: true,
    name: 'Ada Novak',
    groups: ['audit'],
  },
]
