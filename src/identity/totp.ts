import { generateSecret, generateURI, verifySync } from 'otplib'
import { toString as drawQr } from 'qrcode'
import { readOneTimeCode } from './codes.js'

const periodSeconds = 30

/** 160 random bits in Base32, the length RFC 4226 §4 recommends. */
export function newSecret(): string {
  return generateSecret({ length: 20 })
}

/** The last time step whose code is accepted at `nowMs`. */
export function newestStep(nowMs: number): number {
  return Math.floor(nowMs / 1000 / periodSeconds) + 1
}

/** What an authenticator app reads from the QR code. */
export function otpauthUri(input: { issuer: string; account: string; secret: string }): string {
  return generateURI({ issuer: input.issuer, label: input.account, secret: input.secret })
}

/** Markup without scripts or styles, so that it may stand in a page under a strict content policy. */
export function qrSvg(uri: string): Promise<string> {
  return drawQr(uri, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 })
}

/**
 * The time step (RFC 6238 §4.2) whose code was entered: this one or a neighbour, for clocks that drift and
 * people who type slowly. Null when there is none. Whether the step may still be used is not asked here.
 */
export function stepOf(secret: string, entered: unknown, nowMs: number): number | null {
  const token = readOneTimeCode(entered) // otplib throws on malformed codes
  if (token === null) return null
  const epoch = Math.floor(nowMs / 1000)
  const result = verifySync({ strategy: 'totp', secret, token, epoch, epochTolerance: periodSeconds })
  return result.valid && 'timeStep' in result ? result.timeStep : null
}
