// The difference between two documents, field by field.
import { fieldName, fieldValue } from '../format/words'

export interface Change {
  path: string
  name: string
  before?: string // absent: the field is new
  after?: string // absent: the field is gone
}

const plain = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)

// flat lists the leaves of a document; lists of plain values are one leaf, lists of objects one for each.
function flat(v: unknown, path: string, out: Map<string, unknown>): void {
  if (plain(v)) {
    for (const [k, x] of Object.entries(v)) flat(x, path ? `${path}.${k}` : k, out)
  } else if (Array.isArray(v) && v.some(plain)) {
    v.forEach((x, i) => flat(x, `${path}.${i + 1}`, out))
  } else if (v !== undefined) out.set(path, v)
}

// changes are the fields that differ, in the order of the newer document. What is empty on both sides says nothing.
export function changes(before: unknown, after: unknown): Change[] {
  const a = new Map<string, unknown>()
  const b = new Map<string, unknown>()
  flat(before ?? {}, '', a)
  flat(after ?? {}, '', b)
  const out: Change[] = []
  for (const path of new Set([...b.keys(), ...a.keys()])) {
    const was = a.has(path) ? fieldValue(path, a.get(path)) : undefined
    const is = b.has(path) ? fieldValue(path, b.get(path)) : undefined
    if (was === is || (was ?? 'none') === (is ?? 'none')) continue
    const name = fieldName(path) || 'value'
    out.push({ path, name, ...(was !== undefined && { before: was }), ...(is !== undefined && { after: is }) })
  }
  return out
}
