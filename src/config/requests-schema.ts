import { z } from 'zod'
import { requestables } from '../model.js'
import { duration, forms, optionTexts, section, text, wholeNumber, type OptionText } from './fields.js'

/** How access is asked for and answered: for all machines, and again for one of them. */

const texts = {
  requestable: {
    what: 'Who may ask for a machine in the portal, and so learns its name: everybody who signs in (`all`), nobody (`none`), or who has a grant for it or had one that ended within 30 days (`invited`).',
    danger:
      'With `all`, every account at the identity provider reads the names of the machines. With `none`, vendors call somebody at night who then hurries.',
  },
  by: {
    what: 'Who may say yes: `approver`, `admin`, or `group:` and one of the groups in `oidc.roles.approver`, such as `group:line-3`. Administrators may in any case.',
    danger: 'Whoever holds one of them opens machines to whoever asks; nobody to themselves.',
  },
  count: {
    what: 'How many different people have to say yes. What all of them agree to is given. One no is enough.',
    danger: 'More than are at hand at night, and requests lapse while the machine stands.',
  },
  lapsesAfter: {
    what: 'How long a request waits for its answer. Then it is over, and has to be made again.',
    danger: 'Long values let somebody say yes to work that nobody remembers.',
  },
} satisfies Record<string, OptionText>

const requestable = () => z.enum(requestables)
const by = () =>
  z
    .array(
      text(
        { says: '`approver`, `admin` or `group:` and a name', pattern: '^(approver|admin|group:.{1,255})$' },
        (value, refuse) =>
          /^(?:approver|admin|group:\P{C}{1,255})$/u.test(value)
            ? value
            : refuse('must be approver, admin, or group: and the name of a group, like group:line-3'),
      ),
    )
    .min(1, 'must name one at least')
    .register(forms, { says: 'list of `approver`, `admin` and `group:` with a name' })
const count = () => wholeNumber('people', 1, 5)
const lapsesAfter = () => duration('5m', '31d')

const what =
  'Who says yes to a request for access, and how many have to. Requests for several machines obey the strictest of them.'

export const portal = section('What people see who are not of the plant.', {
  requestable: requestable().prefault('invited').register(optionTexts, texts.requestable),
}).prefault({})

export const approval = section(what, {
  by: by().prefault(['approver']).register(optionTexts, texts.by),
  count: count().prefault(1).register(optionTexts, texts.count),
  lapsesAfter: lapsesAfter().prefault('8h').register(optionTexts, texts.lapsesAfter),
}).prefault({})

export const endpointRequestable = requestable()
  .optional()
  .register(optionTexts, { ...texts.requestable, default: '`portal.requestable`' })

export const endpointApproval = section(`${what} For this machine, where it differs.`, {
  by: by()
    .optional()
    .register(optionTexts, { ...texts.by, default: '`grants.approval.by`' }),
  count: count()
    .optional()
    .register(optionTexts, { ...texts.count, default: '`grants.approval.count`' }),
  lapsesAfter: lapsesAfter()
    .optional()
    .register(optionTexts, { ...texts.lapsesAfter, default: '`grants.approval.lapsesAfter`' }),
}).optional()
