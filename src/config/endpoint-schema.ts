import { z } from 'zod'
import { lenientRequests, lenientResponses, methods } from '../model.js'
import {
  addressedPath,
  duration,
  endpointId,
  forms,
  matching,
  optionTexts,
  path,
  plainPath,
  plainText,
  reservedIds,
  seconds,
  section,
  size,
  text,
  timeZone,
  wholeNumber,
} from './fields.js'
import { domainPattern, originPattern, parseUrl, tokenPattern } from './formats.js'
import { endpointApproval, endpointRequestable } from './requests-schema.js'

/** The options of one machine. Rules that join several of them are in `endpoint-rules.ts`. */

const why = () =>
  plainText(200).register(optionTexts, {
    what: 'Why this machine needs it: what fails without. Logged at every start.',
    danger: 'None. An opening whose reason nobody remembers is never closed again.',
  })

const tls = section('How TLS is spoken with the machine. Only for an https `upstream`.', {
  caFile: path().optional().register(optionTexts, {
    what: 'PEM file of the authorities that vouch for the machine, such as the plant’s own. They take the place of those that Node.js trusts.',
    default: 'not set: the authorities that Node.js trusts',
    danger: 'Whoever holds the key of one of them can pose as the machine.',
  }),
  pins: z
    .array(
      matching(
        /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/,
        { says: 'pin' },
        'must be the SHA-256 of a public key (SPKI) in base64: 44 characters, the last of them =',
      ),
    )
    .register(forms, { says: 'list of SHA-256 digests of public keys (SPKI), in base64' })
    .prefault([])
    .register(optionTexts, {
      what: 'For a self-signed certificate: the machine must have one of these keys, and then no authority, name or date is asked for.',
      danger:
        'A pin keeps a machine trusted as long as its key lives. When it gets a new key, the endpoint fails until the new pin stands here; two pins bridge the change.',
    }),
  certificateFile: path().optional().register(optionTexts, {
    what: 'PEM file with the certificate Gatehouse shows a machine that asks who it is, then its chain.',
    danger: 'The machine then trusts whatever comes through Gatehouse, whoever sends it.',
  }),
  keyFile: path().optional().register(optionTexts, {
    what: 'PEM file with the private key of that certificate, not encrypted.',
    danger: 'Whoever reads it can reach the machine in the name of Gatehouse. Mode 0600.',
  }),
  serverName: matching(
    domainPattern,
    { says: 'domain name' },
    'must be a domain name, such as hmi.plant.example',
  )
    .optional()
    .register(optionTexts, {
      what: 'The name asked for (SNI) and expected in the certificate, where it is another than the host of `upstream`.',
      default: 'the host of `upstream`',
      danger: 'Any machine with a good certificate for this name passes for this one.',
    }),
  legacy: section(
    'For machines that speak nothing newer: also TLS 1.0 and 1.1, with the ciphers and keys of their time.',
    { reason: why() },
  ).optional(),
})

const credentials = section(
  'How Gatehouse signs in at the machine, so that nobody else need know its password.',
  {
    kind: z.enum(['basic', 'header', 'form']).register(optionTexts, {
      what: 'HTTP Basic; a header such as an API key; or a form that Gatehouse fills in and whose cookies stay with it.',
      danger:
        'Everybody with a grant is then the same user to the machine. What they do stands in Gatehouse’s ledger, not in the machine’s own.',
    }),
    file: path().register(optionTexts, {
      what: 'File of one line: `user:password`, or for `header` its value. A line break at its end is ignored.',
      danger:
        'Give Gatehouse an account of its own at the machine, with the least rights that suffice. Mode 0600.',
    }),
    name: matching(tokenPattern, { says: 'name of a header' }, 'must be the name of a header')
      .optional()
      .register(optionTexts, {
        what: 'The header that holds the value. Required for `header`, as the following two are for `form`.',
        danger: 'Sent with every request to this machine; what a browser sends under this name is removed.',
      }),
    path: addressedPath().optional().register(optionTexts, {
      what: 'Where the form is sent, by POST. Required for `form`.',
      danger: 'The password is sent to this path of the machine whenever it asks for a log-in.',
    }),
    userField: plainText(200).optional().register(optionTexts, {
      what: 'The name of the form’s field for the user.',
      danger: 'None; with a wrong name the log-in fails.',
    }),
    passwordField: plainText(200).optional().register(optionTexts, {
      what: 'The name of the form’s field for the password.',
      danger: 'None; with a wrong name the log-in fails.',
    }),
    fields: z
      .record(
        plainText(200),
        text({ says: 'text' }, (value) => value),
      )
      .register(forms, { says: 'names and values, both text' })
      .optional()
      .register(optionTexts, {
        what: 'Further fields the form has, such as that of its button.',
        danger: 'None. Nothing secret belongs here: this file holds no secrets.',
      }),
  },
)

const limits = section('What one machine is to bear, and how long it may take.', {
  connections: wholeNumber('connections', 1, 10_000).optional().register(optionTexts, {
    what: 'Connections to the machine at any time, of all people together. One too many waits for a moment, and is then answered with 503 `upstream-busy`.',
    default: 'not set: no limit',
    danger:
      'Browsers open six at a time, and each WebSocket or event stream keeps one. Fewer than the machine’s page needs, and it stays half empty; more than the device can take, and it stops for its operators too.',
  }),
  bodyBytes: size('1KiB', '65536GiB').prefault('8GiB').register(optionTexts, {
    what: 'The largest body of one request. A larger one is answered with 413.',
    danger: 'Small values stop uploads of firmware and recipes; large ones let one person fill the machine.',
  }),
  firstByteSeconds: seconds(1, 3_600).prefault(60).register(optionTexts, {
    what: 'How long the machine may take from the end of a request to the head of its answer. Then: 504.',
    danger: 'Short values break long polling and slow reports; long ones keep people in front of nothing.',
  }),
  idleSeconds: seconds(30, 14_400).prefault(900).register(optionTexts, {
    what: 'How long a running request or WebSocket may be silent in both directions before it is closed.',
    danger:
      'Long values keep forgotten sessions open on an unattended desk; short ones interrupt operators who watch without clicking.',
  }),
}).prefault({})

const probe = section('A gentle look at whether the machine answers. Off unless set.', {
  path: addressedPath().register(optionTexts, {
    what: 'What is asked for, by GET, over one connection.',
    danger: 'On many a machine a GET does something. Choose a page that only shows, and a small one.',
  }),
  intervalSeconds: seconds(30, 86_400).prefault(300).register(optionTexts, {
    what: 'How long between two looks.',
    danger: 'Frail devices suffer from being asked often, and each look stands in their log.',
  }),
})

const opening = <const Name extends string>(known: readonly [Name, ...Name[]], what: string) =>
  z
    .array(
      section(what, {
        name: z.enum(known).register(optionTexts, {
          what: 'The rule that is lifted; see [awkward-machines.md](awkward-machines.md).',
          danger: 'See there, for each.',
        }),
        reason: why(),
      }),
    )
    .prefault([])

/** One entry of `endpoints`. */
export const endpointSchema = section('The machines behind Gatehouse. Each gets an origin of its own.', {
  id: endpointId().register(optionTexts, {
    what:
      'Names the endpoint in its address, in grants and in the ledger. Reserved: ' +
      [...reservedIds].join(', ') +
      '. Unique.',
    danger:
      'Grants hold this id. Renaming an endpoint takes it out of every grant; giving an old id to another machine hands running grants to that machine.',
  }),
  name: plainText(80).register(optionTexts, {
    what: 'What people call it, in the portal and on the administrator’s pages.',
    danger: 'None to access. Two machines with the same name get the wrong one opened.',
  }),
  kind: z.enum(['hmi', 'historian']).register(optionTexts, {
    what: 'What sort of machine it is: an operator screen, or a store of process data.',
    danger: 'Shown to people who approve access; a wrong kind misleads them.',
  }),
  zone: plainText(80).optional().register(optionTexts, {
    what: 'Where it stands: a hall, a line, a security zone (IEC 62443).',
    danger: 'None to access. Shown to people who approve it.',
  }),
  timeZone: timeZone().optional().register(optionTexts, {
    what: 'What the clocks beside this machine show, where that is another time than the plant’s.',
    default: '`plant.timeZone`',
    danger:
      'As with `plant.timeZone`. One grant with weekly windows cannot name machines of different zones.',
  }),
  maxLength: duration('5m', '31d').optional().register(optionTexts, {
    what: 'The longest a grant for this machine may run, extensions included; with weekly windows, the longest of them. Checked when a grant is issued and when it is extended.',
    default: 'not set: `grants.maxLength` alone',
    danger:
      'Longer than `grants.maxLength` it changes nothing. A grant for several machines is bound by the shortest of them.',
  }),
  requestable: endpointRequestable,
  approval: endpointApproval,
  upstream: text(
    {
      says: 'http or https origin: scheme, host, perhaps a port, nothing else',
      pattern: originPattern.source,
    },
    (value, refuse) => {
      return (
        parseUrl(value, originPattern) ??
        refuse('must be an http or https origin without path, query or credentials')
      )
    },
  ).register(optionTexts, {
    what: 'The address of the machine. Gatehouse connects to it and to no other for this endpoint.',
    danger:
      'Whoever holds a grant reaches this address from the DMZ. It must be the machine, and not Gatehouse itself. With http, traffic on the plant side is readable there.',
  }),
  landingPath: addressedPath().prefault('/').register(optionTexts, {
    what: 'Where the portal’s link leads, for machines whose front page is of no use. Must lie in `paths`, if there are any.',
    danger: 'None to access.',
  }),
  methods: z
    .array(z.enum(methods))
    .refine((open) => open.includes('GET'), 'must contain GET, or nobody can open a page')
    .register(forms, {
      says: `list of methods, GET among them: ${methods.map((name) => `\`${name}\``).join(', ')}`,
    })
    .optional()
    .register(optionTexts, {
      what: 'The methods that pass to the machine; the others are answered with 403 `method-closed`.',
      default: 'not set: all of them',
      danger:
        'Not a way to make a machine read-only: many change things on GET, and a WebSocket begins with one. Use grants to view for that.',
    }),
  paths: z
    .array(plainPath())
    .min(1, 'must name at least one path; without the option all are open')
    .register(forms, { says: 'list of paths; one that ends with `/` stands for all below it' })
    .optional()
    .register(optionTexts, {
      what: 'The paths that pass to the machine, upper and lower case told apart; the others are answered with 403 `path-closed`. A path passes only if it lies here however a server may read it, whatever `lenientRequests` opens.',
      default: 'not set: all of them',
      danger:
        'Closes what the machine serves, not what it does: one page may carry every function of it. Pages lose the pictures and scripts that lie elsewhere.',
    }),
  lenientRequests: opening(
    lenientRequests,
    'What this machine needs of requests and the strict rules refuse. Each is logged at start.',
  ),
  lenientResponses: opening(
    lenientResponses,
    'What this machine sends and the strict rules refuse. Each is logged at start.',
  ),
  hostHeader: z.enum(['upstream', 'original']).prefault('upstream').register(optionTexts, {
    what: 'The name the machine is told as `Host`: its own address, or the endpoint’s, as the browser knows it. `Origin` and `Referer` match.',
    danger:
      'With `upstream`, machines that build absolute addresses into their pages lead the browser to an address it cannot reach. With `original`, machines that check the name refuse, or serve another site.',
  }),
  tls: tls.optional(),
  credentials: credentials.optional(),
  limits,
  probe: probe.optional(),
  timeLeftNotice: z
    .boolean()
    .register(forms, { says: '`true` or `false`' })
    .prefault(false)
    .register(optionTexts, {
      what: 'Whether the machine’s own pages show how long access lasts, from 15 minutes before its end on: Gatehouse appends a script to them. See [time-left.md](time-left.md).',
      danger:
        'The only option that changes what a machine sends: its pages come uncompressed, and without what lets a browser keep them. A page can hide the notice, or copy its looks; the portal warns in any case.',
    }),
})
