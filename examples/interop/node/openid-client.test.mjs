import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importPKCS8 } from 'jose'
import * as client from 'openid-client'
import * as facts from './facts.mjs'

// The one option: the server of a test speaks http.
const options = { execute: [client.allowInsecureRequests] }
const discover = (id, auth, more) => client.discovery(new URL(facts.issuer), id, undefined, auth, { ...options, ...more })

for (const [method, auth] of [['default', facts.secret], ['post', client.ClientSecretPost(facts.secret)], ['basic', client.ClientSecretBasic(facts.secret)]]) {
  for (const algorithm of ['oidc', 'oauth2']) {
    test(`${method}, discovered by ${algorithm}`, async () => {
      const config = typeof auth === 'string'
        ? await client.discovery(new URL(facts.issuer), facts.id, auth, undefined, { ...options, algorithm })
        : await discover(facts.id, auth, { algorithm })
      const own = await client.clientCredentialsGrant(config, { scope: 'read' })
      assert.equal(own.scope, 'read')

      const login = await client.genericGrantRequest(config, 'password', { username: facts.username, password: facts.password, scope: 'read offline_access' })
      const renewed = await client.refreshTokenGrant(config, login.refresh_token)
      assert.notEqual(renewed.refresh_token, login.refresh_token)

      const known = await client.tokenIntrospection(config, renewed.access_token)
      assert.equal(known.active, true)
      assert.equal(known.client_id, facts.id)
      const person = await client.fetchUserInfo(config, renewed.access_token, known.sub)
      assert.equal(person.email, 'alice@example.com')

      await client.tokenRevocation(config, renewed.refresh_token)
      assert.equal((await client.tokenIntrospection(config, renewed.access_token)).active, false)
    })
  }
}

test('private_key_jwt', async () => {
  const config = await discover(facts.robot, client.PrivateKeyJwt({ key: await importPKCS8(facts.robotKey, 'ES256'), kid: 'one' }))
  const own = await client.clientCredentialsGrant(config)
  assert.equal((await client.tokenIntrospection(config, own.access_token)).client_id, facts.robot)
})

test('token exchange', async () => {
  const app = await discover(facts.id, client.ClientSecretBasic(facts.secret))
  const key = await client.genericGrantRequest(app, facts.exchange, { subject_token: facts.apiKey, subject_token_type: facts.apiKeyToken })
  assert.equal(key.issued_token_type, facts.accessToken)

  const gateway = await discover(facts.gateway, client.ClientSecretBasic(facts.gatewaySecret))
  const narrow = await client.genericGrantRequest(gateway, facts.exchange, {
    subject_token: key.access_token, subject_token_type: facts.accessToken, audience: facts.orders,
  })
  assert.equal(narrow.issued_token_type, facts.accessToken)
})

test('a refusal is read', async () => {
  const config = await discover(facts.id, client.ClientSecretBasic(facts.secret))
  await assert.rejects(client.genericGrantRequest(config, 'password', { username: 'nobody', password: 'wrong' }), { error: 'invalid_grant', status: 400 })
  await assert.rejects(client.fetchUserInfo(config, 'made-up', client.skipSubjectCheck), (e) => e.cause[0].parameters.error === 'invalid_token')
})
