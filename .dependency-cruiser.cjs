// Who may import whom in src (docs/architecture.md). Imports go down only:
//   main, cli -> gateway, portal, admin
//     -> identity, sessions, grants, behaviour, audit, dataplane, notify
//     -> policy -> config -> lib -> model
// Type-only imports count: a type borrowed from a sibling is knowledge of it all the same.
// test/unit/structure.test.ts runs these rules on src, and on a planted breach of each of them.
'use strict'

const { devDependencies } = require('./package.json')

const surfaces = ['gateway', 'portal', 'admin']
const middle = ['identity', 'sessions', 'grants', 'behaviour', 'audit', 'dataplane', 'notify']
const ground = ['config', 'lib', 'model']

/** What the modules of each layer may import, besides their own files and packages. */
const mayImport = {
  cli: ['main', ...surfaces, ...middle, 'policy', ...ground],
  main: [...surfaces, ...middle, 'policy', ...ground],
  ...each(surfaces, [...middle, 'policy', ...ground]),
  ...each(middle, ['policy', ...ground]),
  policy: ['model'],
  config: ['lib', 'model'],
  lib: ['model'],
  model: [],
}

/** The modules that may import a package; every runtime dependency has an entry here. */
const homes = {
  ioredis: ['lib'],
  winston: ['lib'],
  helmet: ['lib'],
  'temporal-polyfill': ['lib'],
  'preact-render-to-string': ['lib'],
  preact: ['lib', 'portal', 'admin'],
  yaml: ['config'],
  // Whoever reads what others wrote parses it; policy reads nothing.
  zod: Object.keys(mayImport).filter((name) => name !== 'policy' && name !== 'model'),
  'openid-client': ['identity'],
  otplib: ['identity'],
  qrcode: ['identity'],
  jose: ['identity'],
  nodemailer: ['notify'],
  express: ['portal', 'admin'],
  commander: ['cli'],
}

const modules = Object.keys(mayImport)
const anyOf = (names) => `(?:${names.join('|')})`
/** The files of modules: `src/lib/…` for a folder, `src/main.ts` for a file. */
const filesOf = (names) => `^src/${anyOf(names)}(?:/|\\.tsx?$)`
const packageFiles = (name) => `(?:^|/)node_modules/(?:@types/)?${name}/`

function each(names, value) {
  return Object.fromEntries(names.map((name) => [name, value]))
}

const directions = modules.map((name) => ({
  name: `direction-${name}`,
  comment:
    mayImport[name].length === 0
      ? `${name} imports nothing`
      : `${name} imports ${mayImport[name].join(', ')} only`,
  severity: 'error',
  from: { path: filesOf([name]) },
  to: { path: '^src/', pathNot: filesOf([name, ...mayImport[name]]) },
}))

const packageHomes = Object.entries(homes).map(([name, allowed]) => ({
  name: `home-${name}`,
  comment: `${name} is imported in ${allowed.join(', ')} only`,
  severity: 'error',
  from: { path: '^src/', pathNot: filesOf(allowed) },
  to: { path: packageFiles(name) },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...directions,
    ...packageHomes,
    {
      name: 'module-unknown',
      comment: 'a new module needs a place in .dependency-cruiser.cjs, and a reason to exist',
      severity: 'error',
      from: { path: '^src/', pathNot: filesOf(modules) },
      to: {},
    },
    {
      name: 'past-the-index',
      // lib/page has an index of its own: whoever only wants a clock should not load a page renderer.
      comment: 'a module is imported through its index only',
      severity: 'error',
      from: { path: '^src/(?:([^/]+)/|[^/]+$)' },
      to: {
        path: '^src/[^/]+/',
        pathNot: ['^src/[^/]+/index\\.tsx?$', '^src/lib/page/index\\.tsx?$', '^src/$1/'],
      },
    },
    {
      name: 'out-of-src',
      comment: 'src never imports demo, test, bench or scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        pathNot: ['^src/', '(?:^|/)node_modules/'],
        dependencyTypesNot: ['core', 'undetermined', 'unknown'],
      },
    },
    {
      name: 'policy-is-pure',
      comment: 'policy and model use neither Node nor packages: same facts, same decision',
      severity: 'error',
      from: { path: filesOf(['policy', 'model']) },
      to: { pathNot: '^src/' },
    },
    {
      name: 'development-only',
      comment: 'src runs without devDependencies',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: packageFiles(anyOf(Object.keys(devDependencies).filter((name) => !name.startsWith('@types/')))),
      },
    },
    {
      name: 'package-without-home',
      comment: 'each package has one home, written down in .dependency-cruiser.cjs',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        path: '(?:^|/)node_modules/',
        pathNot: packageFiles(anyOf([...Object.keys(homes), ...Object.keys(devDependencies)])),
      },
    },
    {
      name: 'not-found',
      comment: 'an import that leads nowhere cannot be judged',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'cycle',
      comment: 'no cycles, not even of types',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: '(?:^|/)node_modules/' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
}
