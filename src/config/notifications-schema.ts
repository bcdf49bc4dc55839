import { z } from 'zod'
import { noticeKinds } from '../model.js'
import { forms, optionTexts, path, seconds, section, secureUrl } from './fields.js'
import { addressOnWebPattern } from './formats.js'

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
    timeoutSeconds: seconds(1, 60).prefault(10).register(optionTexts, {
      what: 'How long one attempt to send may take, from the connection to the answer.',
      danger: 'Short values fail with slow receivers; long ones delay what waits behind a dead one.',
    }),
    webhooks: z.array(webhook).prefault([]),
  },
).optional()
