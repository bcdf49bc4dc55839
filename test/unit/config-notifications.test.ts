import { ConfigInvalid, type Config } from '../../src/config/index.js'
import { parseConfig } from '../../src/config/load.js'
import { noticeKinds } from '../../src/model.js'

const sound = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const files: Readonly<Record<string, string>> = {
  '/etc/gatehouse/oidc-secret': 'not-a-secret\n',
  '/etc/gatehouse/hook-secret': `${sound}\n`,
  '/etc/gatehouse/short': `whsec_${Buffer.alloc(23).toString('base64')}\n`,
  '/etc/gatehouse/bare': Buffer.alloc(32).toString('base64'),
}

function parse(notifications: string): Config {
  const text = `
server: { publicUrl: https://portal.plant.example, endpointDomain: plant-access.example, trustedProxies: [::1] }
redis: { url: rediss://redis.dmz.example }
oidc: { issuer: https://login.plant.example, clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: /var/lib/ledger }
${notifications}`
  return parseConfig('/etc/gatehouse/gatehouse.yaml', text, {
    folder: '/etc/gatehouse',
    readText: (path) => {
      const content = files[path]
      return content === undefined ? { problem: 'cannot be read' } : { text: content }
    },
    ownAddresses: [],
  })
}

function problemsOf(notifications: string): string[] {
  try {
    parse(`notifications: ${notifications}`)
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error
    return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

const hook = (more: string): string => `{ webhooks: [{ ${more} }] }`

describe('notifications in the configuration', () => {
  it('are off unless they are asked for', () => {
    expect(parse('').notifications).toBeNull()
  })

  it('go to the webhooks that are named, of all kinds unless told otherwise', () => {
    const { notifications } = parse(`
notifications:
  timeoutSeconds: 3
  webhooks:
    - { url: 'https://desk.plant.example/hooks/1?team=a', secretFile: hook-secret }
    - { url: 'http://127.0.0.1:9000/', secretFile: hook-secret, events: [lockdown.on] }`)
    expect(notifications).toMatchObject({
      timeoutMs: 3_000,
      webhooks: [
        {
          url: new URL('https://desk.plant.example/hooks/1?team=a'),
          secret: Buffer.alloc(32, 1),
          events: noticeKinds,
        },
        { events: ['lockdown.on'] },
      ],
    })
  })

  it('go by mail, encrypted unless on this host', () => {
    const smtpOf = (smtp: string) => parse(`notifications: { language: de, smtp: ${smtp} }`).notifications
    const shared = 'from: gate@plant.example'
    expect(
      smtpOf(
        `{ url: 'smtps://mail.plant.example', ${shared}, username: gate, passwordFile: oidc-secret, administrators: [it@plant.example] }`,
      ),
    ).toMatchObject({
      language: 'de',
      smtp: {
        ...{ host: 'mail.plant.example', port: 465, tls: 'implicit', authorities: null },
        from: 'gate@plant.example',
        credentials: { user: 'gate', password: 'not-a-secret' },
        administrators: ['it@plant.example'],
        approvers: [],
      },
      webhooks: [],
    })
    expect(smtpOf(`{ url: 'smtp://mail.plant.example', ${shared} }`)?.smtp).toMatchObject({
      ...{ port: 587, tls: 'starttls', credentials: null },
    })
    expect(smtpOf(`{ url: 'smtp://127.0.0.1:2525', ${shared} }`)?.smtp).toMatchObject({
      ...{ port: 2525, tls: 'none' },
    })
  })

  const mail = (more: string): string => `{ smtp: { from: gate@plant.example, ${more} } }`
  it.each([
    [
      mail("url: 'smtps://u:p@mail.example'"),
      'notifications.smtp.url: must not contain a user or a password; name the user in username, write the password into a file and name that in passwordFile',
    ],
    [
      mail("url: 'https://mail.example'"),
      'notifications.smtp.url: must be smtps://host:port or smtp://host:port',
    ],
    [
      mail("url: 'smtps://mail.example', username: gate"),
      'notifications.smtp.passwordFile: is required, because there is a username',
    ],
    [
      mail("url: 'smtps://mail.example', passwordFile: oidc-secret"),
      'notifications.smtp.username: is required, because there is a passwordFile',
    ],
    [
      mail("url: 'smtps://mail.example', caFile: oidc-secret"),
      'notifications.smtp.caFile: names a file that holds no PEM certificate',
    ],
    [
      mail("url: 'smtps://mail.example', administrators: [cara]"),
      'notifications.smtp.administrators[0]: must be an e-mail address, like control-room@plant.example',
    ],
  ])('by mail are refused as %s', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })

  it.each([
    ['{}', 'notifications: names nobody to tell; add smtp or webhooks, or take it out'],
    [
      hook('url: http://desk.plant.example/, secretFile: hook-secret'),
      'notifications.webhooks[0].url: must be https; http is for development, on localhost, *.localhost, 127.0.0.0/8 and [::1] only',
    ],
    [
      hook('url: https://user@desk.plant.example/, secretFile: hook-secret'),
      'notifications.webhooks[0].url: must be an https URL without fragment or credentials',
    ],
    [hook('url: https://desk.plant.example/'), 'notifications.webhooks[0].secretFile: is required'],
    [
      hook('url: https://desk.plant.example/, secretFile: short'),
      'notifications.webhooks[0].secretFile: names a file whose line must be whsec_ and 24 to 64 bytes in base64',
    ],
    [
      hook('url: https://desk.plant.example/, secretFile: bare'),
      'notifications.webhooks[0].secretFile: names a file whose line must be whsec_ and 24 to 64 bytes in base64',
    ],
    [
      hook('url: https://desk.plant.example/, secretFile: hook-secret, events: []'),
      'notifications.webhooks[0].events: must name one at least',
    ],
    [
      '{ webhooks: [{ url: https://a.example/, secretFile: hook-secret }, { url: https://a.example, secretFile: hook-secret }] }',
      'notifications.webhooks[1].url: must be unique; notifications.webhooks[0] has the same',
    ],
  ])('are refused as %s', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem])
  })
})
