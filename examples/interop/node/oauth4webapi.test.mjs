import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importPKCS8 } from 'jose'
import * as oauth from 'oauth4webapi'
import * as facts from './facts.mjs'

// The one option: the server of a test speaks http.
const options = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(facts.issuer)
const client = { client_id: facts.id }
const auth = oauth.ClientSecretBasic(facts.secret)

const discover = async (algorithm) => oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...options }))
const own = async (as, c, a) => oauth.processClientCredentialsResponse(as, c, await oauth.clientCredentialsGrantRequest(as, c, a, new URLSearchParams(), options))

for (const algorithm of ['oidc', 'oauth2']) {
  test(`discovery by ${algorithm}`, async () => {
    assert.equal((await discover(algorithm)).issuer, facts.issuer)
  })
}

for (const [method, a] of [['basic', auth], ['post', oauth.ClientSecretPost(facts.secret)]]) {
  test(`grants, ${method}`, async () => {
    const as = await discover('oauth2')
    assert.equal((await own(as, client, a)).token_type, 'bearer')
    const login = await oauth.processGenericTokenEndpointResponse(as, client, await oauth.genericTokenEndpointRequest(as, client, a, 'password',
      { username: facts.username, password: facts.password, scope: 'read offline_access' }, options))
    const renewed = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, a, login.refresh_token, options))
    const known = await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, a, renewed.access_token, options))
    assert.equal(known.active, true)
    const person = await oauth.processUserInfoResponse(as, client, known.sub, await oauth.userInfoRequest(as, client, renewed.access_token, options))
    assert.equal(person.email, 'alice@example.com')
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, a, renewed.refresh_token, options))
    assert.equal((await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, a, renewed.access_token, options))).active, false)
  })
}

test('private_key_jwt', async () => {
  const as = await discover('oauth2')
  const key = await importPKCS8(facts.robotKey, 'ES256')
  assert.ok((await own(as, { client_id: facts.robot }, oauth.PrivateKeyJwt({ key, kid: 'one' }))).access_token)
})

test('an access token validates as RFC 9068 says', async () => {
  const as = await discover('oauth2')
  const { access_token } = await own(as, client, auth)
  const call = new Request('https://api.example.com/', { headers: { authorization: `Bearer ${access_token}` } })
  assert.equal((await oauth.validateJwtAccessToken(as, call, facts.issuer, options)).client_id, facts.id)
})

test('a signed introspection answer verifies', async () => {
  const as = await discover('oauth2')
  const { access_token } = await own(as, client, auth)
  const answer = await oauth.introspectionRequest(as, client, auth, access_token, { requestJwtResponse: true, ...options })
  const known = await oauth.processIntrospectionResponse(as, { ...client, introspection_signed_response_alg: 'ES256' }, answer)
  await oauth.validateApplicationLevelSignature(as, answer, options)
  assert.equal(known.active, true)
})

test('token exchange', async () => {
  const as = await discover('oauth2')
  const gateway = { client_id: facts.gateway }
  const answer = await oauth.genericTokenEndpointRequest(as, gateway, oauth.ClientSecretBasic(facts.gatewaySecret), facts.exchange,
    { subject_token: (await own(as, client, auth)).access_token, subject_token_type: facts.accessToken, audience: facts.orders }, options)
  const narrow = await oauth.processGenericTokenEndpointResponse(as, gateway, answer)
  assert.equal(narrow.issued_token_type, facts.accessToken)
})

test('a challenge is read', async () => {
  const as = await discover('oauth2')
  const answer = await oauth.userInfoRequest(as, client, 'made-up', options)
  await assert.rejects(oauth.processUserInfoResponse(as, client, oauth.skipSubjectCheck, answer), (e) => e.cause[0].parameters.error === 'invalid_token')
  await assert.rejects(own(as, client, oauth.ClientSecretBasic('wrong')), (e) => e.code === oauth.WWW_AUTHENTICATE_CHALLENGE && e.status === 401)
})
