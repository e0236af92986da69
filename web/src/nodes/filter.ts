import type { Node } from '../api/types'

const family: Record<string, string> = { requested: 'booting', launching: 'booting', starting: 'booting' }

// chosen are the nodes of any of the states and any of the pools; lists are comma-separated, none means all. What is on
// its way up counts as booting.
export function chosen(nodes: Node[], states: string | undefined, pools: string | undefined): Node[] {
  if (!states && !pools) return nodes
  const s = new Set(states?.split(','))
  const p = new Set(pools?.split(','))
  return nodes.filter((n) => (!s.size || s.has(n.state) || s.has(family[n.state] ?? '')) && (!p.size || (n.pool !== undefined && p.has(n.pool))))
}
