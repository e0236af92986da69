import type { Node } from '../api/types'

const family: Record<string, string> = { requested: 'booting', launching: 'booting', starting: 'booting', stopping: 'stopped' }

export interface Filters {
  state?: string | undefined // comma-separated, as all of them
  pool?: string | undefined
  zone?: string | undefined
  version?: string | undefined
}

const set = (list: string | undefined) => (list ? new Set(list.split(',')) : undefined)

// chosen are the nodes of any of the states, any of the pools and so on; none means all. What is on its way up counts as
// booting, what goes to sleep as stopped.
export function chosen(nodes: Node[], f: Filters): Node[] {
  const [state, pool, zone, version] = [set(f.state), set(f.pool), set(f.zone), set(f.version)]
  if (!state && !pool && !zone && !version) return nodes
  return nodes.filter(
    (n) =>
      (!state || state.has(n.state) || state.has(family[n.state] ?? '')) &&
      (!pool || (n.pool !== undefined && pool.has(n.pool))) &&
      (!zone || zone.has(n.zone ?? '')) &&
      (!version || version.has(n.version ?? '')),
  )
}

// values are what a list holds of something, most frequent first, as filters offer them.
export function values(nodes: readonly Node[], of: (n: Node) => string | undefined, most = 8): string[] {
  const counts = new Map<string, number>()
  for (const n of nodes) {
    const v = of(n)
    if (v) counts.set(v, (counts.get(v) ?? 0) + 1)
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most).map(([v]) => v)
}
