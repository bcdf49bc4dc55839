import { z } from 'zod'
import { domainPattern } from './formats.js'
import { endpointId, forms, matching, optionTexts, plainText, section, text } from './fields.js'

/** What is named together. */

const groupId = () =>
  matching(
    /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    { says: 'name in lower case', range: '1 to 63 characters: a–z, 0–9, hyphen' },
    'must be 1 to 63 of a–z, 0–9 and hyphen, with no hyphen at either end',
  )

const choicePattern = /^(?:group:)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const groups = z
  .array(
    section(
      'Machines that are given together, such as those of a line or a hall. A group is a shorthand: a grant names the machines that the group had when it was issued, and does not grow with it.',
      {
        id: groupId().register(optionTexts, {
          what: 'By which commands and the API name it. Of its own: it may be the id of an endpoint too.',
          danger: 'A program that names the old id is refused.',
        }),
        name: plainText(80).register(optionTexts, {
          what: 'What people call it, such as “Line 4”.',
          danger: 'None to access. Two groups of one name are told apart by nobody.',
        }),
        endpoints: z
          .array(endpointId())
          .min(1, 'must name one at least')
          .max(50, 'must not name more than 50')
          .register(forms, { says: 'list of ids of endpoints', range: '1 to 50' })
          .register(optionTexts, {
            what: 'The machines in it. A machine may be in several groups.',
            danger:
              'From the next grant on, whoever is given the group is given what stands here. Grants that were issued stay as they are.',
          }),
      },
    ),
  )
  .prefault([])

export const companies = z
  .array(
    section(
      'Companies whose people come in from outside, so that all that one of them holds can be found, and ended when it leaves. Nobody gets in by being named here.',
      {
        id: groupId().register(optionTexts, {
          what: 'By which commands and the API name it.',
          danger: 'A program that names the old id is refused.',
        }),
        name: plainText(80).register(optionTexts, {
          what: 'What people call it.',
          danger: 'None to access.',
        }),
        emailDomains: z
          .array(
            text({ says: 'domain name', pattern: domainPattern.source }, (value, refuse) =>
              domainPattern.test(value)
                ? value.toLowerCase()
                : refuse('must be a domain name, such as vendor.example'),
            ),
          )
          .min(1, 'must name one at least')
          .register(forms, { says: 'list of domain names' })
          .optional()
          .register(optionTexts, {
            what: 'The domains of its people’s e-mail addresses. Each means itself; domains below it are named for themselves.',
            default: 'none; required unless `claimValues` says who its people are',
            danger:
              'All with an address there lose what they hold when the company is ended. A public mail provider, or the plant’s own domain, is everybody else too.',
          }),
        claimValues: z
          .array(plainText(200))
          .min(1, 'must name one at least')
          .register(forms, { says: 'list of values of the claim' })
          .optional()
          .register(optionTexts, {
            what: 'What the provider says of its people in the claim `oidc.companyClaim`; one of these is enough. It is known from their last sign-in: who has never signed in is found by `emailDomains` alone.',
            default: 'none',
            danger:
              'Whoever changes the claim at the provider moves people in and out. A value that the plant’s own people have ends what they hold, too.',
          }),
        requestable: z
          .array(
            text(
              { says: 'id of an endpoint, or `group:` and the id of a group', pattern: choicePattern.source },
              (value, refuse) =>
                choicePattern.test(value)
                  ? value
                  : refuse(
                      'must be the id of an endpoint, or group: and the id of a group, like group:line-4',
                    ),
            ),
          )
          .register(forms, { says: 'list of ids of endpoints, and of `group:` with the id of a group' })
          .optional()
          .register(optionTexts, {
            what: 'The machines that its people may ask for in the portal, and so learn the names of, in place of what `requestable` says of each; none of them with an empty list. What they have a grant for, or had within 30 days, they may ask for besides; a machine with `requestable: none`, nobody may. Of people of two companies with a list, what stands in both.',
            default: 'as `requestable` of each machine says',
            danger:
              'A machine that joins a group here is offered to the company at the next start. People whom neither address nor claim puts into the company are not held to this.',
          }),
      },
    ),
  )
  .prefault([])
