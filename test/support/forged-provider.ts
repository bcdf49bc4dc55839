import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTHeaderParameters } from 'jose'
import { close, listen } from './oidc.js'

export interface SigningPair {
  readonly kid: string
  readonly alg: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

/** A provider whose every answer a test can forge. */
export interface ForgedProvider {
  readonly issuer: URL
  /** How often each path was asked for. */
  readonly asked: Map<string, number>
  readonly key: SigningPair
  /** Merged over correct metadata; undefined removes a member. */
  metadata: Record<string, unknown>
  keys: JWK[]
  tokenAnswer: Answer
  userInfo: Answer
  /** Takes over a path completely. */
  readonly overrides: Map<string, (req: IncomingMessage, res: ServerResponse) => void>
  sign(
    claims: Record<string, unknown>,
    options?: { header?: Partial<JWTHeaderParameters>; key?: SigningPair },
  ): Promise<string>
  stop(): Promise<void>
}

interface Answer {
  status: number
  body: Record<string, unknown>
}

export async function newSigningPair(kid: string, alg = 'ES256'): Promise<SigningPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

export async function startForgedProvider(): Promise<ForgedProvider> {
  const server = createServer()
  const issuer = new URL(`http://localhost:${String(await listen(server, 0))}`)
  const key = await newSigningPair('k-1')
  const provider: ForgedProvider = {
    issuer,
    asked: new Map(),
    key,
    metadata: {},
    keys: [key.jwk],
    tokenAnswer: { status: 400, body: { error: 'invalid_grant' } },
    userInfo: { status: 401, body: {} },
    overrides: new Map(),
    sign: (claims, { header = {}, key: signer = key } = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: signer.alg, kid: signer.kid, ...header })
        .sign(signer.privateKey),
    stop: () => close(server),
  }
  const answers: Record<string, () => Answer> = {
    '/.well-known/openid-configuration': () => ({
      status: 200,
      body: { ...correct(issuer), ...provider.metadata },
    }),
    '/jwks': () => ({ status: 200, body: { keys: provider.keys } }),
    '/token': () => provider.tokenAnswer,
    '/userinfo': () => provider.userInfo,
  }
  server.on('request', (req, res) => {
    const path = req.url ?? ''
    provider.asked.set(path, (provider.asked.get(path) ?? 0) + 1)
    const override = provider.overrides.get(path)
    if (override) {
      override(req, res)
      return
    }
    const { status, body } = answers[path]?.() ?? { status: 404, body: {} }
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  return provider
}

function correct(issuer: URL): Record<string, unknown> {
  return {
    issuer: issuer.origin,
    authorization_endpoint: `${issuer.origin}/authorize`,
    token_endpoint: `${issuer.origin}/token`,
    userinfo_endpoint: `${issuer.origin}/userinfo`,
    jwks_uri: `${issuer.origin}/jwks`,
    end_session_endpoint: `${issuer.origin}/end`,
    id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    authorization_response_iss_parameter_supported: true,
  }
}
