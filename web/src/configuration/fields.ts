// What nodes run with, field by field. Zero and empty mean that the template, or the program, decides.
import type { NodeConfiguration, NodeLink } from '../api/types'
import type { Line } from '../ui/Changes'
import { changes } from '../policy/draft'
import { said } from './links'

export type Name = keyof NodeConfiguration

interface Common {
  name: Name
  label: string
  help: string
  how: 'live' | 'new sessions' | 'restart'
  none: string // what zero or empty means
}

export type ConfigurationField =
  | (Common & { kind: 'number'; unit?: string; whole?: boolean; max: number })
  | (Common & { kind: 'some' | 'one'; options: readonly (readonly [string, string])[] })

export const configurationFields: readonly ConfigurationField[] = [
  { name: 'send_cap_mbps', label: 'Sends at most', help: 'Shared by the sessions of a node.', how: 'live', none: 'as the template says', kind: 'number', unit: 'Mb/s', max: 1_000_000 },
  { name: 'receive_cap_mbps', label: 'Receives at most', help: 'Shared by the sessions of a node.', how: 'live', none: 'as the template says', kind: 'number', unit: 'Mb/s', max: 1_000_000 },
  { name: 'session_cap_mbps', label: 'One session at most', help: 'No session gets more, whatever it asks for.', how: 'live', none: 'no cap', kind: 'number', unit: 'Mb/s', max: 1_000_000 },
  { name: 'session_rate_mbps', label: 'Target rate of a session', help: 'For clients that ask for none.', how: 'live', none: 'as fast as the path allows', kind: 'number', unit: 'Mb/s', max: 1_000_000 },
  { name: 'max_sessions', label: 'Sessions at most', help: 'Running ones stay when it is lowered.', how: 'new sessions', none: 'as the template says', kind: 'number', whole: true, max: 100_000 },
  { name: 'session_memory_mb', label: 'Memory of a session', help: 'The transfer service restarts for it once it has no session.', how: 'restart', none: '256 MiB', kind: 'number', unit: 'MiB', whole: true, max: 65_536 },
  { name: 'report_interval_s', label: 'Reports every', help: 'Shorter is livelier, longer is cheaper.', how: 'live', none: 'as the template says', kind: 'number', unit: 's', max: 30 },
  { name: 'ciphers', label: 'Ciphers', help: 'Clients must speak one of them. None chosen: all.', how: 'new sessions', none: 'all', kind: 'some', options: ['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'].map((c) => [c, c] as const) },
  { name: 'log_level', label: 'Log level', help: 'How much nodes log.', how: 'live', none: 'as the installation says', kind: 'one', options: ['debug', 'info', 'warn', 'error'].map((c) => [c, c] as const) },
]

const byName = new Map<string, ConfigurationField>(configurationFields.map((f) => [f.name, f]))

export const labelOf = (name: string): string => (name === 'links' ? 'Links' : (byName.get(name)?.label ?? name))

// shownValue is a value in words.
export function shownValue(name: string, v: unknown): string {
  if (name === 'links' && Array.isArray(v)) return (v as NodeLink[]).map(said).join('; ') || 'none'
  const f = byName.get(name)
  if (v === undefined || v === null || v === 0 || v === '' || (Array.isArray(v) && v.length === 0)) return f?.none ?? 'default'
  if (Array.isArray(v)) return v.join(', ')
  return f?.kind === 'number' && f.unit ? `${String(v)} ${f.unit}` : String(v)
}

export const linesOf = (before: NodeConfiguration, after: NodeConfiguration): Line[] =>
  changes(before, after).map((c) => ({ label: labelOf(c.path), before: shownValue(c.path, c.before), after: shownValue(c.path, c.after), note: { live: 'live, within seconds', 'new sessions': 'live, for new sessions', restart: 'by a restart without sessions' }[byName.get(c.path)?.how ?? 'live'] }))

// command is the command line that makes the same change.
export function command(cluster: string, body: Record<string, unknown>): string {
  const parts = Object.entries(body).map(([k, v]) => (typeof v === 'object' ? `'${k}=${JSON.stringify(v)}'` : v === '' ? `${k}=` : `${k}=${String(v)}`))
  return parts.length ? `godwit config set ${cluster} ${parts.join(' ')}` : `godwit config get ${cluster}`
}
