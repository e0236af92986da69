// A tenant as it is being typed: numbers and rates are text until they make sense.
import type { AccessKey, AccessKeyCreate } from '../api/types'
import { parseRate, rate } from '../format/format'

export const permissions = ['read', 'write', 'list', 'delete'] as const
export type Permission = (typeof permissions)[number]

export const permissionText: Record<Permission, string> = {
  read: 'pull files', write: 'push files', list: 'see what is there', delete: 'remove and replace',
}

export interface Wish {
  name: string
  path: string
  permissions: Permission[]
  rate: string // "" is no limit
  sessions: string
}

export const blank: Wish = { name: '', path: '', permissions: [...permissions], rate: '', sessions: '' }

export const wishOf = (k: AccessKey): Wish => ({
  name: k.name,
  path: k.storage.path,
  permissions: permissions.filter((p) => k.permissions.includes(p)),
  rate: k.limits.max_rate_bps ? rate(k.limits.max_rate_bps) : '',
  sessions: k.limits.max_sessions ? String(k.limits.max_sessions) : '',
})

export const limitsOf = (w: Wish) => ({ max_rate_bps: parseRate(w.rate), max_sessions: Number(w.sessions) || 0 })

// faults are what can be said before the manager is asked.
export function faults(w: Wish): Partial<Record<keyof Wish, string>> {
  const out: Partial<Record<keyof Wish, string>> = {}
  if (!w.name.trim()) out.name = 'is how transfers and reports call this tenant'
  if (!w.path.startsWith('/')) out.path = 'is an absolute path: it begins with /'
  if (w.permissions.length === 0) out.permissions = 'a key that may do nothing is of no use: choose at least one'
  if (Number.isNaN(parseRate(w.rate))) out.rate = 'is not a rate: write a number and k, M or G, such as 500M'
  if (!/^\d{0,6}$/.test(w.sessions.trim())) out.sessions = 'is a whole number'
  return out
}

export const creation = (w: Wish): AccessKeyCreate => ({
  name: w.name.trim(),
  storage: { type: 'local', path: w.path },
  limits: limitsOf(w),
  permissions: w.permissions,
})

// field finds which part of the form a refusal's location means: "body.storage.path" is the path.
export function field(location: string): keyof Wish | undefined {
  if (location.startsWith('body.storage')) return 'path'
  if (location.startsWith('body.limits.max_rate')) return 'rate'
  if (location.startsWith('body.limits.max_sessions')) return 'sessions'
  if (location.startsWith('body.permissions')) return 'permissions'
  return location === 'body.name' ? 'name' : undefined
}
