import type { GrantRequest } from '../../src/grants/index.js'

export const goodRequest: GrantRequest = {
  to: 'ana@vendor.example',
  endpoints: ['press-3'],
  from: 'now',
  until: '+2h',
  reason: 'Replace the valve',
}

interface BadRequest {
  readonly field: string
  readonly why: string
  readonly request: unknown
}

/** For plants that know `press-3` and `historian` and let a grant last 12 h. */
export const badRequests: readonly BadRequest[] = [
  ...refusing('request', [
    ['there is none', undefined],
    ['it is null', null],
    ['it is text', 'grant'],
    ['it is a list', [goodRequest]],
    ['a field has a name that no message should repeat', { ...goodRequest, 'a\r\nb': 1 }],
  ]),
  ...refusing('maxLength', [['a field is not one of a grant', { ...goodRequest, maxLength: '10y' }]]),
  ...refusing('__proto__', [
    ['it brings a prototype', JSON.parse(`{"__proto__":{"to":"x"},${JSON.stringify(goodRequest).slice(1)}`)],
  ]),
  ...refusing('to', [
    ...withField('to', [
      ['it is missing', undefined],
      ['it is empty', ''],
      ['it is a number', 7],
      ['it is a list', ['ana@vendor.example']],
      ['it has no domain', 'ana'],
      ['its domain has no dot', 'ana@vendor'],
      ['it holds a blank', 'ana silva@vendor.example'],
      ['it ends in CRLF', 'ana@vendor.example\r\n'],
      ['it injects a mail header', 'ana@vendor.example\r\nBcc: eve@evil.example'],
      ['it names two people', 'ana@vendor.example,eve@evil.example'],
      ['it has a display name', 'Ana <ana@vendor.example>'],
      ['it has two @', 'ana@evil.example@vendor.example'],
      ['it holds a NUL', 'ana\0@vendor.example'],
      ['it holds a letter that only looks like an a', 'аna@vendor.example'],
      ['it holds a colon', 'ana:admin@vendor.example'],
      ['it is __proto__', '__proto__'],
      ['it is 10 KB', `${'a'.repeat(10_000)}@vendor.example`],
    ]),
  ]),
  ...refusing('endpoints', [
    ...withField('endpoints', [
      ['they are missing', undefined],
      ['they are empty', []],
      ['they are text', 'press-3'],
      ['they are an object', { 0: 'press-3', length: 1 }],
      ['one is unknown', ['press-3', 'press-9']],
      ['one is __proto__', ['__proto__']],
      ['one is constructor', ['constructor']],
      ['one is empty', ['']],
      ['one holds a colon', ['press-3:*']],
      ['one holds CRLF', ['press-3\r\nX: y']],
      ['one ends in a line break', ['press-3\n']],
      ['one has another case', ['PRESS-3']],
      ['one is a wildcard', ['*']],
      ['one is a number', [3]],
      ['one is a list', [['press-3']]],
      ['one is null', [null]],
      ['there is a hole', new Array(2)],
      ['one comes twice', ['press-3', 'press-3']],
      ['there are too many', new Array(51).fill('press-3')],
    ]),
  ]),
  ...refusing('from', [
    ...withField('from', [
      ['it is missing', undefined],
      ['it is null', null],
      ['it is NaN', NaN],
      ['it is infinite', Infinity],
      ['it is a fraction', 1_795_435_200_000.5],
      ['it is a number as text', '1795435200000'],
      ['it is a Date', new Date()],
      ['it is a list', ['now']],
      ['it is empty', ''],
      ['it is a local time', '2026-11-23T14:00'],
      ['it does not exist', '2027-02-30T12:00Z'],
      ['it lies in the past', '2020-01-01T00:00Z'],
      ['it is the epoch', 0],
      ['it is negative', -1],
      ['it lies more than a year ahead', '+366d'],
    ]),
  ]),
  ...refusing('until', [
    ...withField('until', [
      ['it is missing', undefined],
      ['it is null', null],
      ['it is NaN', NaN],
      ['it is text that is no instant', 'forever'],
      ['it is the start', 'now'],
      ['it lies before the start', '2020-01-01T00:00Z'],
      ['it lies one minute beyond the longest', '+721m'],
      ['it lies ten years ahead', '+3650d'],
      ['it lies beyond all time', Number.MAX_SAFE_INTEGER],
      ['it is beyond exact numbers', 2 ** 60],
    ]),
  ]),
  ...refusing('reason', [
    ...withField('reason', [
      ['it is missing', undefined],
      ['it is null', null],
      ['it is empty', ''],
      ['it is blank', '          '],
      ['it is too short', 'ok'],
      ['it is dots', '......'],
      ['it is invisible', '\u200b\u200b\u200b\u200b'],
      ['it is a number', 12345],
      ['it is a list', ['Replace', 'the', 'valve']],
      ['it is too long', 'a'.repeat(501)],
      ['it is 10 KB of blanks', `why${' '.repeat(10_000)}`],
      ['it holds CRLF', 'Replace\r\nthe valve'],
      ['it ends in a line break', 'Replace the valve\n'],
      ['it holds a NUL', 'Replace\0the valve'],
      ['it holds an escape sequence', 'Replace \u001b[2Jthe valve'],
      ['it holds a C1 control', 'Replace \u009bthe valve'],
      ['it holds a line separator', 'Replace \u2028the valve'],
      ['it turns text around', 'Replace \u202ethe valve'],
      ['it isolates text', 'Replace \u2066the valve'],
      ['it holds half a character', 'Replace \ud83d the valve'],
    ]),
  ]),
  ...refusing('ticket', [
    ...withField('ticket', [
      ['it is a number', 1234],
      ['it is a list', ['CHG-1']],
      ['it is too long', 'C'.repeat(65)],
      ['it holds CRLF', 'CHG-1\r\n'],
      ['it holds a tab', 'CHG\t1'],
      ['it is not ASCII', 'CHG–1'],
    ]),
  ]),
  ...refusing('access', [
    ...withField('access', [
      ['it is unknown', 'admin'],
      ['it is empty', ''],
      ['it is null', null],
      ['it has another case', 'View'],
      ['it is a list', ['view']],
      ['it is __proto__', '__proto__'],
    ]),
  ]),
  ...refusing('ending', [
    ...withField('ending', [
      ['it is unknown', 'never'],
      ['it is empty', ''],
      ['it has another case', 'Drain'],
      ['it is a list', ['drain']],
      ['it is __proto__', '__proto__'],
      ['it is null', null],
    ]),
  ]),
  ...refusing('sources', [
    ...withField('sources', [
      ['they are text', '192.0.2.7'],
      ['they are null', null],
      ['one is no address', ['192.0.2.7', 'vendor.example']],
      ['one is all of the Internet', ['0.0.0.0/0']],
      ['one does not begin at its own address', ['10.20.3.7/24']],
      ['one is a number', [3_221_225_991]],
      ['one is __proto__', ['__proto__']],
      ['one comes twice', ['192.0.2.7', '192.0.2.7']],
      ['one comes twice, in two spellings', ['192.0.2.7', '::ffff:192.0.2.7/128']],
      ['there are too many', Array.from({ length: 21 }, (_, index) => `192.0.2.${index}`)],
    ]),
  ]),
]

type Case = readonly [why: string, request: unknown]

function refusing(field: string, cases: readonly Case[]): BadRequest[] {
  return cases.map(([why, request]) => ({ field, why, request }))
}

function withField(field: keyof GrantRequest, values: readonly Case[]): Case[] {
  return values.map(([why, value]) => [why, { ...goodRequest, [field]: value }])
}
