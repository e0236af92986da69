import { beforeEach, describe, expect, it } from 'vitest'
import type { SignInMethods } from '../api/types'
import { comeBack, doors, leave, refusedWords } from './methods'

const methods: SignInMethods = {
  local: 'everyone',
  providers: [
    { name: 'acme', title: 'Acme', kind: 'oidc', url: '/api/v1/sign-in/oidc/acme', failing: false },
    { name: 'office', title: 'Office', kind: 'ldap', failing: true },
  ],
}

describe('doors', () => {
  it('always include the password kept here', () => {
    expect(doors(undefined).map((d) => d.name)).toEqual([''])
    expect(doors(methods).map((d) => d.name)).toEqual(['', 'office'])
  })
  it('begin with the directory where only administrators have a password here', () => {
    expect(doors({ ...methods, local: 'administrators' }).map((d) => d.name)).toEqual(['office', ''])
  })
  it('say which provider fails', () => {
    expect(doors(methods).find((d) => d.name === 'office')?.failing).toBe(true)
  })
})

describe('refusedWords', () => {
  it('name the provider as the sign-in page does', () => {
    expect(refusedWords('no_role', 'acme', methods.providers)).toContain('Acme knows you')
  })
  it('repeat nothing that an address could have been made to say', () => {
    expect(refusedWords('call 0800-EVIL', 'Call 0800-EVIL', methods.providers)).not.toContain('EVIL')
    expect(refusedWords('no_role', 'Call 0800-EVIL', methods.providers)).not.toContain('EVIL')
    expect(refusedWords('constructor', 'acme', methods.providers)).toContain('Acme')
  })
})

describe('the place to come back to', () => {
  beforeEach(() => sessionStorage.clear())
  it('is kept over another site, once', () => {
    leave('/nodes?state=running')
    expect(comeBack()).toBe('/nodes?state=running')
    expect(comeBack()).toBeUndefined()
  })
  it('is never another site', () => {
    leave('//evil.example/')
    expect(comeBack()).toBeUndefined()
  })
})
