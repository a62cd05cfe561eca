#!/usr/bin/env node
// A claimsmith plugin in JavaScript: it knows the people of its configuration
// and their passwords, as scrypt hashes. How it is started and asked is in plugin.js.

import { scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

import { Denied, Unknown, serve } from './plugin.js'

const derive = promisify(scrypt)
const nobody = { salt: 'of nobody', hash: Buffer.alloc(32).toString('base64') }
let people = new Map()

serve({
  name: 'people',
  version: '1.0.0',
  kinds: ['password'],

  configure(config) {
    for (const key of Object.keys(config)) {
      if (key !== 'people') throw new Error(`${key}: unknown key`)
    }
    people = new Map(Object.entries(config.people ?? {}))
    for (const [name, { salt, hash } = {}] of people) {
      if (!salt || !hash) throw new Error(`people.${name}: salt and hash are required`)
    }
  },

  async authenticate({ credential }) {
    const person = people.get(credential.username)
    const { salt, hash } = person ?? nobody // the same work for both
    const want = Buffer.from(hash, 'base64')
    const got = await derive(credential.secret, salt, want.length)
    if (!person) throw new Unknown()
    if (!timingSafeEqual(got, want)) throw new Denied('invalid')
    return identity(credential.username, person)
  },

  refresh({ subject }) { return this.lookup(subject) },

  lookup(name) {
    const person = people.get(name)
    if (!person) throw new Unknown()
    return identity(name, person)
  },
})

function identity(subject, { name, groups, claims }) {
  return { subject, username: subject, name, groups, claims }
}
