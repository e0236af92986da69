import { describe, expect, it } from 'vitest'
import type { AuditEntry } from '../api/types'
import { deed, sentence } from './deed'

const entry = (more: Partial<AuditEntry>): AuditEntry => ({ id: '1', at: '2026-01-01T00:00:00Z', actor: 'user:admin', action: 'create', object: 'user', ...more })
const said = (more: Partial<AuditEntry>) => sentence(deed(entry(more)))

describe('the audit in words', () => {
  it.each<[string, Partial<AuditEntry>]>([
    ['admin made user eve', { after: { name: 'eve' }, object_id: 'u1' }],
    ['admin removed user eve', { action: 'delete', before: { name: 'eve' }, object_id: 'u1' }],
    ['admin changed policy of studio', { action: 'update', object: 'policy', object_id: 'c1', object_name: 'studio' }],
    ['robot drained node node-1, by API token', { actor: 'token:robot', action: 'drain', object: 'node', object_id: 'n1', object_name: 'node-1' }],
    ['ada drained node node-1, by API token robot', { actor: 'user:ada token:robot', action: 'drain', object: 'node', object_id: 'n1', object_name: 'node-1' }],
    ['acme made transfer nightly, by access key', { actor: 'key:k1', actor_name: 'acme', object: 'transfer', after: { name: 'nightly' } }],
    ['admin changed template as it was called', { action: 'update', object: 'template', object_id: 't1', before: { name: 'as it was called' }, object_name: 'as it is called' }],
    ['admin signed in', { action: 'sign_in', object_id: 'u1' }],
    ['anonymous could not sign in as user eve', { actor: 'anonymous', action: 'sign_in_refused', object_id: 'u1', after: { name: 'eve', why: 'unauthorized' } }],
    ['anonymous could not sign in as user not known here', { actor: 'anonymous', action: 'sign_in_refused', after: { why: 'unauthorized' } }],
    ['admin changed settings', { action: 'update', object: 'settings', object_id: 'api' }],
    ['anonymous flew to kite k9', { actor: 'anonymous', action: 'flew_to', object: 'kite', object_id: 'k9' }],
  ])('%s', (text, more) => expect(said(more)).toBe(text))
})
