// Strict, typed linting. Formatting is Prettier's alone, so no rule here is about looks.
//
// The house rules of this file (one clock, one logger, no guessable randomness in src) may be set aside in
// one place by a directive that says why:
//   // eslint-disable-next-line no-restricted-globals -- the wait for a dead peer means nothing to a decision
// A directive without the reason after `--` is itself an error, and so is one that is no longer needed.
import js from '@eslint/js'
import tseslint from 'typescript-eslint'

const typed = ['src/**/*.{ts,tsx}', 'demo/**/*.{ts,tsx}', 'test/**/*.{ts,tsx}', 'bench/**/*.{ts,tsx}']
const inBrowser = ['src/**/static/**/*.js', 'demo/**/static/**/*.js']
const plain = [
  '*.{js,mjs,cjs}',
  '.*.cjs',
  'scripts/**/*.mjs',
  'bench/**/*.mjs',
  'demo/**/*.mjs',
  'test/**/*.{js,mjs,cjs}',
]

const needsReason = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { bare: 'Say why, after ` -- `: eslint-disable-next-line rule -- reason.' },
  },
  create: ({ sourceCode, report }) => ({
    Program() {
      for (const comment of sourceCode.getAllComments()) {
        const isDirective = /^\s*eslint-disable(-line|-next-line)?\b/.test(comment.value)
        if (isDirective && !/\s--\s+\S.{7}/.test(comment.value))
          report({ loc: comment.loc, messageId: 'bare' })
      }
    },
  }),
}

const useClock = 'Time comes from the injected Clock (src/lib/clock.ts).'

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', '.artifacts/', 'demo/.state/', 'test/third-party/', '**/node_modules/'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { gatehouse: { rules: { 'needs-reason': needsReason } } },
    rules: { 'gatehouse/needs-reason': 'error' },
  },
  js.configs.recommended,
  {
    rules: {
      // `== null` asks for null and undefined at once, and nothing else does.
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      // Much of this code exists to find control characters.
      'no-control-regex': 'off',
    },
  },
  {
    files: typed,
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true },
      ],
      // A missing case in a switch over a closed list (reasons, causes, outcomes) is a hole in a gate.
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // Declarations of libraries describe classes by shape; winston's own transports fail this one.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  {
    files: ['src/**/*.{ts,tsx}'],
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        {
          object: 'Math',
          property: 'random',
          message: 'Guessable. Use newToken or newId of src/lib/ids.ts.',
        },
      ],
    },
  },
  { files: ['src/cli/**/*.{ts,tsx}'], rules: { 'no-console': 'off' } },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/lib/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: useClock })),
      ],
      'no-restricted-imports': [
        'error',
        {
          paths: [
            'node:timers',
            'node:timers/promises',
            'node:perf_hooks',
            'timers',
            'timers/promises',
            'perf_hooks',
          ].map((name) => ({ name, message: useClock })),
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "MemberExpression[object.name='Date'][property.name='now']", message: useClock },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: useClock },
        { selector: "CallExpression[callee.name='Date']", message: useClock },
        {
          selector:
            'MemberExpression[object.name=/^(globalThis|global)$/][property.name=/^(setTimeout|setInterval|performance|Date)$/]',
          message: useClock,
        },
      ],
    },
  },
  {
    files: ['test/**/*.{ts,tsx}', 'bench/**/*.{ts,tsx}'],
    rules: {
      // What a server answered is `any` until an expectation has looked at it.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      // Stand-ins for callbacks and stores do nothing, or answer at once where the real one would wait.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: plain,
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: readonly(
        'AbortController AbortSignal Buffer clearInterval clearTimeout console fetch performance process setImmediate ' +
          'setInterval setTimeout structuredClone TextDecoder TextEncoder URL URLSearchParams',
      ),
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: readonly('__dirname module require') },
  },
  {
    files: inBrowser,
    languageOptions: {
      sourceType: 'script',
      globals: readonly(
        'addEventListener AbortController clearInterval clearTimeout console CSSStyleSheet CustomEvent document Event EventSource fetch ' +
          'FormData history HTMLElement Intl localStorage location matchMedia navigator performance print requestAnimationFrame ' +
          'ResizeObserver sessionStorage setInterval setTimeout URL URLSearchParams WebSocket window',
      ),
    },
  },
)

function readonly(names) {
  return Object.fromEntries(names.split(' ').map((name) => [name, 'readonly']))
}
