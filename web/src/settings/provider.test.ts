import { describe, expect, it } from 'vitest'
import type { SignInProvider } from '../api/types'
import { createBody, draftOf, emptyDraft, rebased, stateOf, updateBody } from './provider'

const acme: SignInProvider = {
  id: 'p1', name: 'acme', kind: 'oidc', title: 'Acme', enabled: true, has_secret: true,
  oidc: { issuer: 'https://id.acme.example', client_id: 'godwit', scopes: ['groups', 'roles'] },
  roles: [{ group: 'admins', role: 'admin' }], created_at: '', updated_at: '',
}

describe('createBody', () => {
  it('leaves out what is empty and splits the scopes', () => {
    const d = { ...emptyDraft('oidc'), name: ' acme ', config: { issuer: ' https://id.acme.example ', client_id: 'godwit', scopes: 'groups,  roles', ca_pem: '' } }
    expect(createBody(d)).toEqual({ name: 'acme', oidc: { issuer: 'https://id.acme.example', client_id: 'godwit', scopes: ['groups', 'roles'] }, roles: [] })
  })
  it('is of one kind, whatever was typed for the other', () => {
    const d = { ...emptyDraft('ldap'), name: 'office', config: { issuer: 'https://x.example', url: 'ldaps://d', user_base: 'dc=x' }, default_role: 'viewer' as const }
    expect(createBody(d)).toEqual({ name: 'office', ldap: { url: 'ldaps://d', user_base: 'dc=x' }, roles: [], default_role: 'viewer' })
  })
})

describe('updateBody', () => {
  it('is empty for a draft that nothing was done to', () => {
    expect(updateBody(acme, draftOf(acme))).toEqual({})
  })
  it('sends a configuration whole, since it is replaced whole, and never a secret that was not typed', () => {
    const d = draftOf(acme)
    d.config.groups_claim = 'teams'
    expect(updateBody(acme, d)).toEqual({ oidc: { issuer: 'https://id.acme.example', client_id: 'godwit', scopes: ['groups', 'roles'], groups_claim: 'teams' } })
  })
  it('can forget a secret, and lock out who is in no group', () => {
    expect(updateBody(acme, { ...draftOf(acme), forget: true, secret: 'typed before' })).toEqual({ secret: '' })
    const open = { ...acme, default_role: 'viewer' }
    expect(updateBody(open, { ...draftOf(open), default_role: '' })).toEqual({ default_role: 'none' })
  })
})

describe('rebased', () => {
  it('keeps mine and takes theirs where I changed nothing', () => {
    const mine = { ...draftOf(acme), title: 'ACME Inc.', secret: 'new' }
    const theirs: SignInProvider = { ...acme, title: 'Acme Ltd', oidc: { issuer: 'https://id.acme.example', client_id: 'other' }, default_role: 'viewer' }
    const d = rebased(acme, theirs, mine)
    expect([d.title, d.config.client_id, d.config.scopes, d.default_role, d.secret]).toEqual(['ACME Inc.', 'other', undefined, 'viewer', 'new'])
    expect(updateBody(theirs, d)).toEqual({ title: 'ACME Inc.', secret: 'new' })
  })
})

describe('stateOf', () => {
  it('tells a provider that fails from one that was turned off or never asked', () => {
    expect(stateOf({ ...acme, failure: 'discovery: no route' })).toBe('failing')
    expect(stateOf({ ...acme, failure: 'discovery: no route', enabled: false })).toBe('off')
    expect(stateOf(acme)).toBe('idle')
    expect(stateOf({ ...acme, ok_at: '2026-01-01T00:00:00Z' })).toBe('ok')
  })
})
