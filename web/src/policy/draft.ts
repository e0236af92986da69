// A policy while it is edited: values by path, what differs, and how two people's changes come together. All pure.
import { percent, span } from '../format/format'
import { fieldOf, fields } from './fields'

export type Doc = Record<string, unknown>

const isDoc = (v: unknown): v is Doc => typeof v === 'object' && v !== null && !Array.isArray(v)

export function valueAt(doc: unknown, path: string): unknown {
  let v: unknown = doc
  for (const key of path.split('.')) v = isDoc(v) ? v[key] : undefined
  return v
}

// withValue is a copy with another value; what it does not touch is shared.
export function withValue<T>(doc: T, path: string, value: unknown): T {
  const [key = '', ...rest] = path.split('.')
  const inner = isDoc(doc) ? doc[key] : undefined
  return { ...(doc as Doc), [key]: rest.length ? withValue(isDoc(inner) ? inner : {}, rest.join('.'), value) : value } as T
}

export interface Change {
  path: string
  before: unknown
  after: unknown
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

// changes are the differences of two documents, leaf by leaf; lists are compared as a whole, as the API replaces them.
export function changes(before: unknown, after: unknown, path = ''): Change[] {
  if (isDoc(before) && isDoc(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return keys.flatMap((k) => changes(before[k], after[k], path ? `${path}.${k}` : k))
  }
  return same(before, after) ? [] : [{ path, before, after }]
}

// patch is the smallest body that turns before into after.
export function patch(before: unknown, after: unknown): Doc {
  let out: Doc = {}
  for (const c of changes(before, after)) out = withValue(out, c.path, c.after)
  return out
}

// rebased puts one's changes on top of what another has stored since; what both changed is one's own, and named.
export function rebased<T>(base: T, theirs: T, mine: T): { doc: T; clashes: string[] } {
  const touched = new Map(changes(base, theirs).map((c) => [c.path, c]))
  let doc = theirs
  const clashes: string[] = []
  for (const c of changes(base, mine)) {
    const other = touched.get(c.path)
    if (other && !same(other.after, c.after)) clashes.push(c.path)
    doc = withValue(doc, c.path, c.after)
  }
  return { doc, clashes }
}

export const label = (path: string): string => fieldOf(path)?.label ?? path.replaceAll('_', ' ')

// shown is a value in words, with its unit.
export function shown(path: string, value: unknown): string {
  if (value === undefined || value === null) return 'none'
  if (path === 'schedules' && Array.isArray(value)) {
    if (value.length === 0) return 'none'
    return value.map((s: Doc) => `${String(s.name || s.cron)}: ${String(s.cron)} ${String(s.time_zone || 'UTC')} for ${span(Number(s.duration_s))}, available ${String(s.min_available)}, idle ${String(s.min_idle)}`).join('; ')
  }
  const kind = fieldOf(path)?.kind
  if (typeof value === 'boolean') return path.startsWith('signals.') ? (value ? 'counts' : 'does not count') : value ? 'yes' : 'no'
  if (typeof value === 'number') {
    if (kind === 'seconds') return span(value)
    if (kind === 'share') return percent(value)
    if (kind === 'mbps') return `${value} Mb/s`
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

// known are the fields that this manager's policies have: an older manager lacks some.
export const known = (doc: unknown): ReadonlySet<string> => new Set(fields.filter((f) => valueAt(doc, f.path) !== undefined).map((f) => f.path))

// command is the command line that makes the same change.
export function command(cluster: string, body: Doc, preview = false): string {
  const simple = changes({}, body)
  if (simple.length === 0) return `godwit policy get ${cluster}`
  const end = preview ? ' --preview' : ''
  if (simple.every((c) => typeof c.after !== 'object' && !c.path.includes('.'))) {
    return `godwit policy set ${cluster} ${simple.map((c) => `${c.path}=${String(c.after)}`).join(' ')}${end}`
  }
  return `echo '${JSON.stringify(body).replaceAll("'", `'\\''`)}' | godwit policy set ${cluster} -f -${end}`
}
