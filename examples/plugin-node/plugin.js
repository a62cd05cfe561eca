// What every claimsmith plugin needs, whatever it judges: the handshake of
// go-plugin, its health and its end, and the service of plugin.proto.
//
// A plugin is an object with name, version, kinds and authenticate, and
// optionally configure, refresh and lookup; each may be async. They return an
// identity or throw Unknown, Denied, or anything else, which means that the
// plugin cannot tell.

import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { Server, ServerCredentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

import { selfSigned } from './certificate.js'

// Unknown: no such principal here; the next plugin is asked.
export class Unknown extends Error {}

// Denied: it is here and may not come in. Reasons: invalid, locked, disabled,
// expired, must_change.
export class Denied extends Error {
  constructor(reason, retryAfterMs = 0) {
    super(reason)
    Object.assign(this, { reason, retryAfterMs })
  }
}

const proto = fileURLToPath(new URL('plugin.proto', import.meta.url))
const { Plugin } = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true })).claimsmith.plugin.v1
const maxClaims = 256 << 10

// serve runs until the host asks the process to end.
export function serve(plugin) {
  const env = process.env
  if (env.CLAIMSMITH_PLUGIN !== 'claimsmith.plugin.v1') {
    console.error('this is a plugin of claimsmith, which starts it\nhint: claimsmith plugin test')
    process.exit(2)
  }
  if (!env.PLUGIN_PROTOCOL_VERSIONS?.split(',').includes('1')) {
    console.error('the host does not speak protocol version 1')
    process.exit(2)
  }
  const server = new Server({ 'grpc.max_receive_message_length': 1 << 20, 'grpc.max_send_message_length': 1 << 20 })
  server.addService(Plugin.service, service(plugin))
  server.addService(goPlugin, {
    check: (_, done) => done(null, Buffer.from([8, 1])), // status: SERVING
    shutdown: (_, done) => { done(null, Buffer.alloc(0)); setImmediate(() => process.exit(0)) },
  })
  let credentials = ServerCredentials.createInsecure()
  let certificate = ''
  if (env.PLUGIN_CLIENT_CERT) { // AutoMTLS: each side trusts the other's certificate and no other
    const own = selfSigned('localhost')
    credentials = ServerCredentials.createSsl(Buffer.from(env.PLUGIN_CLIENT_CERT), [{ private_key: own.key, cert_chain: own.pem }], true)
    certificate = own.der.toString('base64').replace(/=+$/, '')
  }
  const socket = join(env.PLUGIN_UNIX_SOCKET_DIR, 'plugin')
  server.bindAsync('unix:' + socket, credentials, (err) => {
    if (err) throw err
    process.stdout.write(`1|1|unix|${socket}|grpc|${certificate}\n`)
  })
}

// goPlugin is what go-plugin's hosts call beside the plugin's own service.
const bytes = { requestSerialize: (b) => b, requestDeserialize: (b) => b, responseSerialize: (b) => b, responseDeserialize: (b) => b }
const goPlugin = {
  check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...bytes },
  shutdown: { path: '/plugin.GRPCController/Shutdown', requestStream: false, responseStream: false, ...bytes },
}

function service(plugin) {
  const abilities = ['configure', 'refresh', 'lookup'].filter((ability) => plugin[ability])
  const { name, version, kinds, schema } = plugin
  let configured = !plugin.configure

  async function configure({ config }) {
    try {
      const settings = JSON.parse(config)
      if (settings === null || typeof settings !== 'object' || Array.isArray(settings)) throw new Error('want a JSON object')
      await plugin.configure(settings)
      configured = true
      return {}
    } catch (err) {
      return { error: err.message }
    }
  }

  // answer makes an outcome of what ask returns or throws.
  async function answer(secret, ask) {
    try {
      if (!configured) throw new Error('not configured')
      return { identity: toWire(await ask()) }
    } catch (err) {
      if (err instanceof Unknown) return { failure: { kind: 'UNKNOWN' } }
      if (err instanceof Denied) return { failure: { kind: 'DENIED', reason: err.reason, retry_after_ms: err.retryAfterMs } }
      const hide = (text) => (secret.length > 3 ? String(text).replaceAll(secret.toString(), '[redacted]') : String(text))
      console.error(JSON.stringify({ level: 'error', msg: 'plugin failed', error: hide(err?.stack ?? err) }))
      return { failure: { kind: 'UNAVAILABLE', detail: hide(err?.message ?? err) } }
    }
  }

  const none = Buffer.alloc(0)
  const unary = (handle) => (call, done) => handle(call.request).then((out) => done(null, out), done)
  return {
    Describe: unary(async () => ({ name, version, kinds, abilities, schema: schema ? Buffer.from(JSON.stringify(schema)) : none })),
    Configure: unary(configure),
    Authenticate: unary(async (request) => {
      const { kind, username, secret } = request.credential ?? { secret: none }
      return answer(secret, () => {
        if (kinds && !kinds.includes(kind)) throw new Unknown()
        if (!secret.length || (kind === 'password' && !username)) throw new Denied('invalid')
        return plugin.authenticate(request)
      })
    }),
    Refresh: unary((request) => answer(none, () => plugin.refresh(fromWire(request.identity)))),
    Lookup: unary((request) => answer(none, () => plugin.lookup(request.name))),
  }
}

function toWire({ claims, scopes, audience, expires, ...rest }) {
  if (!rest.subject) throw new Error('the identity has no subject')
  const json = Buffer.from(claims ? JSON.stringify(claims) : '')
  if (json.length > maxClaims) throw new Error(`claims are ${json.length} bytes of JSON, more than ${maxClaims}`)
  const list = (values) => (values ? { values } : null) // null: not bounded
  return { ...rest, claims: json, scopes: list(scopes), audience: list(audience), expires_ms: expires ? expires.getTime() : 0 }
}

function fromWire({ claims, scopes, audience, expires_ms, ...rest }) {
  return {
    ...rest,
    claims: claims.length ? JSON.parse(claims) : undefined,
    scopes: scopes?.values,
    audience: audience?.values,
    expires: expires_ms ? new Date(expires_ms) : undefined,
  }
}
