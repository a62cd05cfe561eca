import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientCredentials, ResourceOwnerPassword } from 'simple-oauth2'
import * as facts from './facts.mjs'

const config = (options) => ({
  client: { id: facts.id, secret: facts.secret },
  auth: { tokenHost: facts.issuer, tokenPath: '/oauth2/token', revokePath: '/oauth2/revoke' },
  options,
})

for (const [method, options] of [['default', undefined], ['header', { authorizationMethod: 'header' }], ['body', { authorizationMethod: 'body' }]]) {
  test(`grants, ${method}`, async () => {
    const login = await new ResourceOwnerPassword(config(options)).getToken({ username: facts.username, password: facts.password, scope: 'read offline_access' })
    assert.equal(login.expired(), false)
    const renewed = await login.refresh()
    assert.notEqual(renewed.token.access_token, login.token.access_token)
    await renewed.revoke('access_token')
    await renewed.revokeAll()
    await assert.rejects(renewed.refresh(), (e) => e.data.payload.error === 'invalid_grant')

    const own = await new ClientCredentials(config(options)).getToken({ scope: ['read', 'write'] })
    assert.equal(own.token.scope, 'read write')
  })
}
