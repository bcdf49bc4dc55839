import { z } from 'zod'
import type { Address } from './config.js'
import { endpointSchema } from './endpoint-schema.js'
import {
  address,
  addressForm,
  duration,
  matching,
  names,
  optionTexts,
  forms,
  path,
  plainText,
  seconds,
  section,
  serverAddresses,
  secureUrl,
  text,
  timeZone,
} from './fields.js'
import {
  addressPattern,
  domainPattern,
  isNetwork,
  issuerPattern,
  originPattern,
  parseAddress,
  redisPattern,
} from './formats.js'
import { companies, groups } from './groups-schema.js'
import { notifications } from './notifications-schema.js'
import { approval, portal } from './requests-schema.js'
import { serverLimits } from './server-limits.js'

/**
 * The configuration file, and its documentation: the reference page, the JSON schema and the checks at
 * start all come from here, and for endpoints from `endpoint-schema.ts`. Rules that join several options are
 * in `rules.ts` and `endpoint-rules.ts`; what the files must hold that options name, in `contents.ts`.
 */

const server = section('Where Gatehouse listens, and the names browsers know it by.', {
  publicUrl: secureUrl('an https origin without path, query or credentials', originPattern).register(
    optionTexts,
    {
      what: 'The address of the portal. `http` is accepted on loopback names only (`localhost`, names under `.localhost`, `127.0.0.0/8`, `[::1]`), for development.',
      danger:
        'Must be registered at the identity provider as `<publicUrl>/oidc/callback`; changing it signs everybody out.',
    },
  ),
  endpointDomain: text(
    { says: 'domain name, at most 189 characters', pattern: domainPattern.source },
    (value, refuse) =>
      domainPattern.test(value) && value.length <= 189
        ? value.toLowerCase()
        : refuse('must be a domain name, such as plant-access.example'),
  ).register(optionTexts, {
    what: 'Endpoints live directly under it: `press-3.plant-access.example`. DNS needs a wildcard record, TLS a wildcard certificate. The portal may not be in it.',
    danger:
      'Choose a registrable domain other than the portal’s: browsers treat sibling hosts as the same site, and an HMI’s page could then act towards the portal with the visitor’s cookies.',
  }),
  listen: address().prefault('0.0.0.0:443').register(optionTexts, {
    what: 'The address that serves the portal and every endpoint.',
    danger: 'Behind a load balancer listen on the inner address only, so that nobody goes around it.',
  }),
  tls: section(
    'The certificate for the portal and, as a wildcard, for the endpoints. Required when `publicUrl` is https, unless `trustedProxies` says that TLS ends in front.',
    {
      certificateFile: path().register(optionTexts, {
        what: 'PEM file: the certificate first, then the chain.',
        danger: 'It must cover the portal and `*.<endpointDomain>`, or browsers refuse one of them.',
      }),
      keyFile: path().register(optionTexts, {
        what: 'PEM file with the private key of the certificate, not encrypted.',
        danger: 'Whoever reads it can pose as the portal. Mode 0600.',
      }),
    },
  ).optional(),
  operations: text(
    {
      ...addressForm,
      says: addressForm.says + ', or `off`',
      pattern: `^off$|${addressPattern.source}`,
    },
    (value, refuse) =>
      value === 'off' ? null : (parseAddress(value) ?? refuse('must be host:port or [IPv6]:port, or off')),
  )
    .prefault('127.0.0.1:9464')
    .register(optionTexts, {
      what: 'A listener of its own for `/healthz` and `/readyz`.',
      danger: 'It asks nobody who they are. Keep it on loopback or on a management network.',
    }),
  trustedProxies: z
    .array(
      text({ says: 'address or CIDR block' }, (value, refuse) =>
        isNetwork(value)
          ? value
          : refuse('must be an IP address or a CIDR block, and not one that holds every address'),
      ),
    )
    .register(forms, { says: 'list of IP addresses and CIDR blocks' })
    .prefault([])
    .register(optionTexts, {
      what: 'Load balancers in front of Gatehouse. From these alone `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
      danger:
        'Anyone at one of these addresses can claim any source address, and the ledger then records a lie. Name single addresses; an empty list trusts nobody.',
    }),
  limits: serverLimits,
  announceSeconds: seconds(0, 120).prefault(0).register(optionTexts, {
    what: 'How long after SIGTERM everything is still served, while `/readyz` says 503, so that a load balancer notices and sends the next visitors elsewhere. It is part of `shutdownSeconds`.',
    danger:
      'Shorter than the load balancer’s checks need, and it sends visitors to an instance that has gone. Without a load balancer any time is lost.',
  }),
  shutdownSeconds: seconds(1, 300).prefault(25).register(optionTexts, {
    what: 'How long a stop may take after SIGTERM. After `announceSeconds` nobody new comes in, WebSockets are closed with 1001, and running requests may finish; what is not finished 5 seconds before the end is cut, so that its records are still written. After this the process ends all the same, with exit status 1. A second signal cuts at once.',
    danger:
      'Longer than the supervisor waits (Docker 10 s, Kubernetes 30 s, systemd 90 s unless told otherwise), and the process is killed before its ledger is closed.',
  }),
})

/** The same for Sentinel and Cluster. */
const redisTls = () =>
  z.boolean().register(forms, { says: '`true` or `false`' }).prefault(true).register(optionTexts, {
    what: 'Whether all of them are asked over TLS. Their certificates must cover the addresses or names that they announce.',
    danger: 'Without TLS, passwords and content cross the network in clear.',
  })

const redis = section(
  'The shared store for grants, sessions and second factors: Redis 7 or later, or Valkey, with AOF persistence and `noeviction`. One of `url`, `sentinel` and `cluster` says where it is, for all instances the same.',
  {
    url: text(
      {
        says: '`rediss://host:port`, `redis://host:port`, or `unix:/path/to.sock`',
        pattern: redisPattern.source,
      },
      (value, refuse) => {
        if (/^rediss?:\/\/[^/]*@/.test(value))
          return refuse(
            'must not contain a user or a password; name the user in redis.username, write the password into a file and name that in redis.passwordFile',
          )
        const isUsable = redisPattern.test(value) && (value.startsWith('unix:') || URL.canParse(value))
        return isUsable
          ? value
          : refuse('must be rediss://host:port, redis://host:port, or unix:/path/to.sock')
      },
    )
      .optional()
      .register(optionTexts, {
        what: 'A single server. `rediss` is TLS; a database number may follow as `/1`.',
        default: 'not set; required unless `sentinel` or `cluster` is',
        danger:
          'All instances must name the same one. Without TLS, its password and its content cross the network in clear.',
      }),
    username: plainText(200).optional().register(optionTexts, {
      what: 'The ACL user at the servers. It needs all keys and commands, `INFO` among them, and with `cluster` also `CLUSTER NODES`.',
      default: 'not set; then `default`',
      danger: 'Other programs under this user can stop all access.',
    }),
    passwordFile: path().optional().register(optionTexts, {
      what: 'File that holds the password and nothing else. A line break at its end is ignored.',
      danger: 'Whoever can write to Redis can stop all access. Mode 0600.',
    }),
    sentinel: section(
      'Several servers, of which Redis Sentinel makes one the master. Servers and sentinels must announce addresses that Gatehouse reaches.',
      {
        name: plainText(200).register(optionTexts, {
          what: 'What the sentinels call the master (`sentinel monitor NAME …`).',
          danger: 'Under another name the sentinels may know other servers, with other grants.',
        }),
        nodes: serverAddresses().register(optionTexts, {
          what: 'The sentinels, all of them. The one that knows of the latest failover is believed.',
          danger:
            'With only some of them named, a failover may go unnoticed that the others have agreed on, and a revocation with it.',
        }),
        passwordFile: path().optional().register(optionTexts, {
          what: 'File that holds the password of the sentinels themselves, and nothing else.',
          danger: 'Whoever can command the sentinels chooses the master. Mode 0600.',
        }),
        tls: redisTls(),
      },
    ).optional(),
    cluster: section(
      'A Redis Cluster. All that Gatehouse keeps lies in one slot, so on one master and its replicas. The nodes must announce addresses that Gatehouse reaches.',
      {
        nodes: serverAddresses().register(optionTexts, {
          what: 'The nodes, best all of them, replicas too. They say who is the master of the slot.',
          danger: 'When none of those that are named answers, nobody is let in, however many others do.',
        }),
        tls: redisTls(),
      },
    ).optional(),
  },
)

const oidc = section('The identity provider that people sign in with (OpenID Connect).', {
  issuer: secureUrl('an https URL without query, fragment or credentials', issuerPattern).register(
    optionTexts,
    {
      what: 'The issuer, exactly as the provider states it. `<issuer>/.well-known/openid-configuration` must answer. `http` as for `server.publicUrl`.',
      danger:
        'Whoever controls this address decides who everybody is. People are recognised by issuer and subject: under another issuer they are strangers, and their grants and second factors stay behind.',
    },
  ),
  name: plainText(80).optional().register(optionTexts, {
    what: 'The provider’s name on the sign-in button.',
    default: 'the host of the issuer',
    danger: 'None.',
  }),
  clientId: plainText(200).register(optionTexts, {
    what: 'The name under which Gatehouse is registered at the provider.',
    danger: 'A client shared with other applications lets their tokens be tried here.',
  }),
  clientSecretFile: path().optional().register(optionTexts, {
    what: 'File that holds the client secret and nothing else. A line break at its end is ignored.',
    default: 'not set; required unless `clientAuthentication` is `none`',
    danger: 'Whoever reads it can redeem codes in the name of Gatehouse. Mode 0600.',
  }),
  clientAuthentication: z
    .enum(['client_secret_basic', 'client_secret_post', 'none'])
    .prefault('client_secret_basic')
    .register(optionTexts, {
      what: 'How Gatehouse proves itself to the provider. Some providers fail with `client_secret_basic` when the secret holds one of `-_.~`: use `client_secret_post` there.',
      danger: 'With `none` only PKCE protects the sign-in. Use it where the provider offers nothing else.',
    }),
  scopes: z
    .array(
      // RFC 6749 §3.3
      matching(
        /^[!#-[\]-~]{1,100}$/,
        { says: 'scope' },
        'must be a scope: visible ASCII without spaces, quotes or backslashes',
      ),
    )
    .refine((scopes) => scopes.includes('openid'), 'must contain openid, or the provider returns no identity')
    .register(forms, { says: 'list of scopes, `openid` among them' })
    .prefault(['openid', 'email', 'profile'])
    .register(optionTexts, {
      what: 'What is asked of the provider. Some need one more for the claim that roles are read from, often `groups`.',
      danger: 'Without `email`, grants addressed to an e-mail find nobody.',
    }),
  clockToleranceSeconds: seconds(0, 300).prefault(30).register(optionTexts, {
    what: 'How far the provider’s clock may differ from ours.',
    danger: 'Expired tokens pass for that long. Mend the time service before raising it.',
  }),
  timeoutSeconds: seconds(1, 30).prefault(5).register(optionTexts, {
    what: 'How long to wait for one answer of the provider.',
    danger:
      'Long values leave people in front of an empty page while the provider is down; short ones fail with slow providers.',
  }),
  companyClaim: plainText(200).optional().register(optionTexts, {
    what: 'The claim that says for which company somebody works: text, or a list of texts. Compared with `claimValues` of `companies`; anything else in it counts for nothing, and is kept for companies to come. Where the ID token does not have it and a company has `claimValues`, UserInfo is asked, and without its answer nobody signs in.',
    default: '`oidc.roles.claim`',
    danger:
      'A claim that people can edit themselves lets them leave a company before what it holds is ended, and see the names of machines that another may ask for.',
  }),
  roles: section(
    'Which people hold a right over Gatehouse itself. Rights over machines come from grants alone.',
    {
      claim: plainText(200).prefault('groups').register(optionTexts, {
        what: 'The claim of the ID token that lists a person’s groups: text, or a list of texts.',
        danger: 'A claim that people can edit themselves lets anyone become an administrator.',
      }),
      admin: names('groups').prefault([]).register(optionTexts, {
        what: 'Members issue, extend and revoke grants, end sessions, and reset second factors.',
        danger:
          'Members can give anybody access to every endpoint. With an empty list only the command line can.',
      }),
      approver: names('groups').prefault([]).register(optionTexts, {
        what: 'Members answer requests for access, see grants and who is in, and end either.',
        danger: 'Members open machines to whoever asks for them, and can interrupt anybody’s work.',
      }),
      auditor: names('groups').prefault([]).register(optionTexts, {
        what: 'Members read about grants, requests and lockdowns on the portal, and change nothing.',
        danger: 'Members see who was given what, when and why.',
      }),
    },
  ).prefault({}),
})

const totp = section('The second factor: one-time codes (RFC 6238).', {
  enrolment: z.enum(['invite', 'first-login']).prefault('invite').register(optionTexts, {
    what: 'Who may set up an authenticator: people with a code that an administrator gave them, or anybody at the first sign-in.',
    danger:
      'With `first-login`, whoever steals the password of somebody without a second factor enrols their own.',
  }),
  label: plainText(60).prefault('Gatehouse').register(optionTexts, {
    what: 'The name of the account in the authenticator app.',
    danger: 'None to access. Two plants with the same name are told apart by nobody.',
  }),
  invitationLifetime: duration('5m', '31d').prefault('7d').register(optionTexts, {
    what: 'How long an enrolment code stays good.',
    danger: 'A code in an old mail is a second factor for whoever finds it first.',
  }),
  secondAdministrator: z
    .boolean()
    .register(forms, { says: '`true` or `false`' })
    .prefault(false)
    .register(optionTexts, {
      what: 'Whether a reset of a second factor on the pages takes a second administrator: one proposes it, another confirms or declines it, each with a reason and, but for a no, a fresh one-time code. Never the person whose second factor it is.',
      danger:
        'With `false`, one administrator, or whoever has taken one over, can set up the second factor of anybody. With `true`, it takes two others to reset that of an administrator; with fewer, `gatehouse users reset-totp` on the host does it, which asks nobody else.',
    }),
  resetLapsesAfter: duration('5m', '24h').prefault('30m').register(optionTexts, {
    what: 'How long such a proposal waits. Then it is over, and nothing was reset.',
    danger: 'A long one is confirmed by somebody who no longer knows what it was about.',
  }),
}).prefault({})

/** The whole file. */
export const fileSchema = section(
  'One YAML file. Relative paths start at its folder; secrets are read from files of their own; unknown keys are refused.',
  {
    server,
    redis,
    oidc,
    totp,
    sessions: section('Sign-ins.', {
      maxLength: duration('5m', '24h').prefault('12h').register(optionTexts, {
        what: 'How long a sign-in lasts at most, whatever happens in it. Then everything it opened is cut.',
        danger: 'Long sessions outlive the shift, and the change of personnel, that they were meant for.',
      }),
    }).prefault({}),
    plant: section('What holds for the plant as a whole.', {
      timeZone: timeZone().prefault('UTC').register(optionTexts, {
        what: 'Plant time: what the clocks on its walls show. Pages show instants in it, forms take it, and weekly windows of grants are counted in it. An endpoint elsewhere has a `timeZone` of its own.',
        danger:
          'With another zone than the plant’s, people give and take access at the wrong hour. Grants that were issued stay as they are.',
      }),
    }).prefault({}),
    keys: section('The keys of Gatehouse itself.', {
      file: path().register(optionTexts, {
        what: 'Made by `gatehouse keys init`. Shared by all instances, readable by the account of Gatehouse alone (mode 0600).',
        danger:
          'Lost, every second factor must be enrolled again. Stolen, second factors can be copied and the ledger forged. Keep a copy offline.',
      }),
    }),
    audit: section('The ledger: the record of who did what.', {
      directory: path().register(optionTexts, {
        what: 'Where its files are written. One directory for each instance, or one writer name for each.',
        danger: 'When it cannot be written, nobody gets in. Give it a disk of its own.',
      }),
      durability: z
        .enum(['state-changing', 'every-request'])
        .prefault('state-changing')
        .register(optionTexts, {
          what: 'What must be on disk before it takes effect: sign-ins, grants, new streams and state-changing requests; or every request. The rest follows within 100 ms.',
          danger: '`every-request` adds the time of a disk flush to each request.',
        }),
      writer: matching(
        /^[a-z0-9][a-z0-9-]{0,31}$/,
        { says: 'name', range: '1 to 32 characters: a–z, 0–9, hyphen' },
        'must be 1 to 32 of a–z, 0–9 and hyphen, and not begin with a hyphen',
      )
        .prefault('gateway')
        .register(optionTexts, {
          what: 'Names this instance in its ledger files.',
          danger:
            'Two running instances that write under one name into one directory break the chain of both.',
        }),
    }),
    grants: section('Permits.', {
      maxLength: duration('5m', '31d').prefault('12h').register(optionTexts, {
        what: 'The longest a grant may run, extensions included.',
        danger: 'Long grants are forgotten open doors. Prefer a new grant to a long one.',
      }),
      maxRecurrence: duration('1d', '366d').prefault('92d').register(optionTexts, {
        what: 'The longest from the start to the end of a grant with weekly windows; each of its windows may last for `maxLength`.',
        danger:
          'A contract that nobody looks at again keeps its door. Shorter, and somebody looks more often.',
      }),
      drainLimit: duration('10s', '1h').prefault('2m').register(optionTexts, {
        what: 'How long requests and uploads that run at the end of a grant with the ending `drain` may go on. Then they are cut.',
        danger:
          'For so long somebody acts on the machine whose grant is over. Shorter than the longest upload, and that is cut after all.',
      }),
      readOnlyFor: duration('1m', '4h').prefault('10m').register(optionTexts, {
        what: 'How long before its end a grant with the ending `read-only` allows no more than looking; never more than half of its length.',
        danger:
          'Time in which the work cannot be undone from outside: who sees a mistake in it has to call the plant.',
      }),
      approval,
    }).prefault({}),
    notifications,
    portal,
    log: section('The operational log, JSON lines on standard error.', {
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).prefault('info').register(optionTexts, {
        what: 'The least important lines that are still written.',
        danger:
          '`debug` writes much under load; `error` and `silent` hide the warnings that come before an outage.',
      }),
    }).prefault({}),
    endpoints: z.array(endpointSchema).prefault([]),
    groups,
    companies,
  },
)

/** What a valid file says, defaults filled in, before its files are read. */
export type Settings = z.output<typeof fileSchema>

/** The same with gaps, where a value was refused: rules report on what is there. */
export type Draft = NonNullable<DraftOf<Settings>>

type DraftOf<T> = T extends URL | Address
  ? T | undefined
  : T extends readonly (infer Item)[]
    ? readonly DraftOf<Item>[] | undefined
    : string extends keyof T // a record is read whole or not at all
      ? T | undefined
      : T extends object
        ? { readonly [Key in keyof T]?: DraftOf<T[Key]> } | undefined
        : T | undefined
