// What the audit tells, in words: "admin revoked the access key acme".
import type { AuditEntry } from '../api/types'

const past: Record<string, string> = {
  create: 'made', update: 'changed', delete: 'removed', revoke: 'revoked', rotate: 'renewed', sign_in: 'signed in', sign_out: 'signed out', sign_in_refused: 'could not sign in as', set_up: 'set up', cancel: 'cancelled',
  change_password: 'changed the password of', drain: 'drained', undrain: 'un-drained', terminate: 'terminated', pause: 'paused', resume: 'resumed', scale: 'scaled', revert: 'reverted',
  restart: 'restarted', test: 'tested', launch: 'launched', duplicate: 'duplicated', disable: 'disabled', enable: 'enabled', end: 'ended', put: 'set', replay: 'replayed',
}
const nouns: Record<string, string> = { api_token: 'API token', access_key: 'access key', policy: 'policy of', log_levels: 'log levels', sign_in_provider: 'sign-in provider', configuration: 'configuration of', certificate: 'certificate of' }

type Loose = Record<string, unknown>
const text = (o: unknown, k: string): string => {
  const v = o && typeof o === 'object' ? (o as Loose)[k] : undefined
  return typeof v === 'string' ? v : ''
}

export interface Deed {
  who: string
  how: string // by what means, when not in person
  did: string
  noun: string
  name: string // of the thing; "" where there is only one
  thing: string // its id, which the audit filters by
}

export const nounOf = (object: string): string => nouns[object] ?? object.replaceAll('_', ' ')

// deed reads one entry. What a thing was called then says more than what it is called now.
export function deed(e: AuditEntry): Deed {
  const [, kind = '', actor = '', token] = /^([^:]*):?(.*?)(?: token:(.*))?$/s.exec(e.actor) ?? []
  const id = e.object_id ?? ''
  const named = text(e.after, 'name') || text(e.before, 'name') || e.object_name || id
  const own = (e.action === 'sign_in' || e.action === 'sign_out') && e.object === 'user'
  return {
    who: kind === 'key' ? (e.actor_name ?? actor) : actor || kind,
    how: token ? `by API token ${token}` : kind === 'token' ? 'by API token' : kind === 'key' ? 'by access key' : '',
    did: past[e.action] ?? e.action.replaceAll('_', ' '),
    noun: own || e.object === 'settings' && !id ? (own ? '' : 'settings') : nounOf(e.object),
    name: own || e.object === 'settings' ? '' : named || (e.action === 'sign_in_refused' ? 'not known here' : ''),
    thing: id,
  }
}

// sentence is a deed as one line.
export const sentence = (d: Deed): string => [d.who, d.did, d.noun, d.name].filter(Boolean).join(' ') + (d.how ? `, ${d.how}` : '')
