// The order of a long list under somebody's eyes: it is made when another order or filter is asked for, and kept while
// figures change. What is new comes at the end; what went leaves its gap closed.
import { useRef } from 'react'
import type { Node } from '../api/types'

type Key = (n: Node) => string | number

export const keys: Record<string, Key> = {
  name: (n) => n.name,
  state: (n) => `${n.state} ${n.pool ?? ''}`,
  utilization: (n) => n.utilization?.value ?? -1,
  traffic: (n) => n.receive_bps + n.send_bps,
  sessions: (n) => n.sessions,
  place: (n) => `${n.zone || n.region || n.provider} ${n.instance_type ?? ''}`,
  version: (n) => n.version ?? '',
  age: (n) => -Date.parse(n.requested_at),
}

const names = new Intl.Collator('en', { numeric: true })

// sorted orders by a column, or by -column for the other way round; equals by name, so that the order is always the same.
export function sorted(nodes: readonly Node[], sort: string | undefined): Node[] {
  const id = sort?.replace(/^-/, '') ?? ''
  const key = keys[id]
  const sign = sort?.startsWith('-') ? -1 : 1
  if (!key) return [...nodes]
  return nodes
    .map((n) => ({ n, k: key(n) }))
    .sort((a, b) => {
      const c = typeof a.k === 'number' && typeof b.k === 'number' ? a.k - b.k : names.compare(String(a.k), String(b.k))
      return (c || names.compare(a.n.name, b.n.name)) * sign
    })
    .map((x) => x.n)
}

// kept puts nodes in the order that they had, with those that it does not know behind.
export function kept(nodes: readonly Node[], order: ReadonlyMap<string, number>): Node[] {
  const out: (Node | undefined)[] = new Array(order.size)
  const fresh: Node[] = []
  for (const n of nodes) {
    const at = order.get(n.id)
    if (at === undefined) fresh.push(n)
    else out[at] = n
  }
  return [...out.filter((n) => n !== undefined), ...fresh]
}

// useOrder keeps the order until what (a sort, a filter, a press of "sort anew") changes.
export function useOrder(nodes: readonly Node[], sort: string | undefined, what: string): { rows: Node[]; moved: boolean } {
  const held = useRef<{ what: string; order: Map<string, number> } | undefined>(undefined)
  if (!held.current || held.current.what !== what || held.current.order.size === 0) {
    held.current = { what, order: new Map(sorted(nodes, sort).map((n, i) => [n.id, i])) }
  }
  const rows = kept(nodes, held.current.order)
  return { rows, moved: sort !== undefined && astray(rows, sort) }
}

// astray tells whether rows are no longer in the order that was asked for.
export function astray(rows: readonly Node[], sort: string): boolean {
  const key = keys[sort.replace(/^-/, '')]
  if (!key) return false
  const sign = sort.startsWith('-') ? -1 : 1
  for (let i = 1; i < rows.length; i++) {
    const a = key(rows[i - 1]!)
    const b = key(rows[i]!)
    const c = typeof a === 'number' && typeof b === 'number' ? a - b : names.compare(String(a), String(b))
    if (c * sign > 0) return true
  }
  return false
}
