// A self-signed certificate, which Node cannot make by itself: X.509 in DER,
// with a new P-256 key, for one name, for ten years from an hour ago.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export function selfSigned(name) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const distinguished = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from(name)))))
  const names = sequence(der(0x82, Buffer.from(name))) // as [2] dNSName
  const now = Date.now()
  const certificate = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])), // serial number
    ecdsaWithSHA256,
    distinguished,
    sequence(time(now - 3600e3), time(now + 3650 * 24 * 3600e3)),
    distinguished,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(subjectAltName, der(0x04, names)))),
  )
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', certificate, privateKey)])
  const whole = sequence(certificate, ecdsaWithSHA256, der(0x03, signature))
  return {
    der: whole,
    pem: Buffer.from(`-----BEGIN CERTIFICATE-----\n${whole.toString('base64').replace(/.{64}/g, '$&\n').trim()}\n-----END CERTIFICATE-----\n`),
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

function der(tag, ...parts) {
  const body = Buffer.concat(parts)
  const n = body.length
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}

function sequence(...parts) { return der(0x30, ...parts) }
function integer(value) { return der(0x02, value) }
function identifier(hex) { return der(0x06, Buffer.from(hex, 'hex')) }
function time(ms) { return der(0x17, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '').slice(2))) }

const commonName = identifier('550403') // 2.5.4.3
const subjectAltName = identifier('551d11') // 2.5.29.17
const ecdsaWithSHA256 = sequence(identifier('2a8648ce3d040302')) // 1.2.840.10045.4.3.2
