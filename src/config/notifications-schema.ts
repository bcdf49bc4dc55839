import { z } from 'zod'
import { languages } from '../lib/index.js'
import { noticeKinds } from '../model.js'
import { forms, optionTexts, path, plainText, seconds, section, secureUrl, text } from './fields.js'
import { addressOnWebPattern, parseUrl, smtpPattern } from './formats.js'

const emailAddress = () =>
  text({ says: 'e-mail address' }, (value, refuse) =>
    value.length <= 254 && z.email().safeParse(value).success
      ? value
      : refuse('must be an e-mail address, like control-room@plant.example'),
  )

const smtp = section(
  'E-mail. Vendors are told of their own grants and requests, approvers of requests, administrators of lockdowns and break-glass. [notifications.md](notifications.md) shows what it says.',
  {
    url: text(
      { says: '`smtps://host:port` or `smtp://host:port`', pattern: smtpPattern.source },
      (value, refuse) =>
        parseUrl(value, smtpPattern) ??
        refuse(
          /^smtps?:\/\/[^/]*@/.test(value)
            ? 'must not contain a user or a password; name the user in username, write the password into a file and name that in passwordFile'
            : 'must be smtps://host:port or smtp://host:port',
        ),
    ).register(optionTexts, {
      what: 'The mail server. `smtps` is TLS from the start (port 465 unless said), `smtp` demands STARTTLS before anything is said (587 unless said), but on loopback, where there is none.',
      danger: 'Whoever runs it reads who works on which machine, when, and why.',
    }),
    caFile: path().optional().register(optionTexts, {
      what: 'PEM file of the authorities that vouch for the mail server.',
      default: 'not set; those that Node.js trusts',
      danger: 'Whoever holds the key of one of them can read the mail on its way.',
    }),
    from: emailAddress().register(optionTexts, {
      what: 'The sender of all mail.',
      danger: 'The server may refuse, and filters may drop, what comes from an address it does not know.',
    }),
    username: plainText(200).optional().register(optionTexts, {
      what: 'The user at the mail server.',
      default: 'not set; then nobody is logged in',
      danger: 'One that other programs use is locked when one of them has a wrong password.',
    }),
    passwordFile: path().optional().register(optionTexts, {
      what: 'File that holds the password of that user and nothing else. A line break at its end is ignored.',
      danger: 'Whoever reads it can send mail in the name of Gatehouse. Mode 0600.',
    }),
    administrators: z
      .array(emailAddress())
      .register(forms, { says: 'list of e-mail addresses' })
      .prefault([])
      .register(optionTexts, {
        what: 'Who is told of lockdowns and break-glass.',
        danger:
          'With an empty list nobody is told of a sign-in without the identity provider, unless they look.',
      }),
    approvers: z
      .array(emailAddress())
      .register(forms, { says: 'list of e-mail addresses' })
      .prefault([])
      .register(optionTexts, {
        what: 'Who is told of every request for access, such as the mailbox of a control room. Whoever may answer it and has signed in within 30 days is told in any case.',
        danger: 'Whoever reads there learns who wants to work on which machine, when, and why.',
      }),
  },
).optional()

const webhook = section(
  'Addresses that are told by a signed HTTP POST, for service desks and control rooms. [notifications.md](notifications.md) says what is sent and how a receiver checks it.',
  {
    url: secureUrl('an https URL without fragment or credentials', addressOnWebPattern).register(
      optionTexts,
      {
        what: 'Where to post. `http` as for `server.publicUrl`. Redirects are not followed.',
        danger:
          'Whoever receives there learns who works on which machine, when, and why. The address is not shown in logs and lists, only its host.',
      },
    ),
    secretFile: path().register(optionTexts, {
      what: 'File that holds the secret for the signature and nothing else: `whsec_` and 24 to 64 bytes in base64, as `echo whsec_$(openssl rand -base64 32)` makes it. The receiver needs the same.',
      danger: 'Whoever reads it can tell the receiver whatever they like. Mode 0600.',
    }),
    events: z
      .array(z.enum(noticeKinds))
      .min(1, 'must name one at least')
      .register(forms, { says: `list of ${noticeKinds.map((kind) => `\`${kind}\``).join(', ')}` })
      .prefault([...noticeKinds])
      .register(optionTexts, {
        what: 'What it is told of.',
        default: 'all',
        danger: 'What is left out is told to nobody there.',
      }),
  },
)

/** Who is told what, and how. */
export const notifications = section(
  'Who is told of what happens, without asking. Left out, nobody is. Nobody’s access depends on it: what cannot be sent is tried again for a day.',
  {
    language: z.enum(languages).prefault('en').register(optionTexts, {
      what: 'The language of mails.',
      danger: 'None.',
    }),
    smtp,
    timeoutSeconds: seconds(1, 60).prefault(10).register(optionTexts, {
      what: 'How long one attempt to send may take, from the connection to the answer.',
      danger: 'Short values fail with slow receivers; long ones delay what waits behind a dead one.',
    }),
    webhooks: z.array(webhook).prefault([]),
  },
).optional()
