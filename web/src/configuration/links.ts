// Virtual links: bandwidth that sessions on all nodes of a cluster share.
import { queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { ClusterLink, NodeLink } from '../api/types'

export const linksQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['links', cluster],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}/links', { params: { path: { cluster } }, signal })),
    refetchInterval: 2_000,
  })

export const keyNamesQuery = queryOptions({
  queryKey: ['key-names'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/access-keys', { params: { query: { limit: 500 } }, signal })),
})

// said is a link in one line: "uplink: in 80 Mb/s, for 2 access keys and all others".
export function said(l: NodeLink): string {
  const ways = [l.in_mbps ? `in ${l.in_mbps} Mb/s` : '', l.out_mbps ? `out ${l.out_mbps} Mb/s` : ''].filter(Boolean)
  return `${l.name || 'unnamed'}: ${ways.join(', ') || 'no limit'}, for ${who(l)}`
}

// who says whose sessions are on a link.
export function who(l: Pick<NodeLink, 'access_keys' | 'default'>): string {
  const n = l.access_keys?.length ?? 0
  const keys = n ? `${n} access key${n === 1 ? '' : 's'}` : ''
  if (!l.default) return keys || 'nobody'
  return keys ? `${keys} and all that no link names` : 'all that no link names'
}

// chosen is the access keys of l with or without one.
export function chosen(l: NodeLink, key: string, on: boolean): string[] {
  const others = (l.access_keys ?? []).filter((k) => k !== key)
  return on ? [...others, key] : others
}

// fresh is a link that can be added: its name is not taken.
export function fresh(links: readonly NodeLink[]): NodeLink {
  const taken = new Set(links.map((l) => l.name))
  let name = 'uplink'
  for (let i = 2; taken.has(name); i++) name = `uplink-${i}`
  return { name, in_mbps: 100, out_mbps: 100, access_keys: [], default: !links.some((l) => l.default) }
}

export interface Way {
  name: 'in' | 'out'
  all: NonNullable<ClusterLink['in']>
  // What each node may and does, as parts of the capacity.
  nodes: { id: string; name: string; may: number; does: number; rate: number; sessions: number }[]
}

// waysOf are the directions that a link limits, with nodes that have sessions first.
export function waysOf(l: ClusterLink): Way[] {
  return (['in', 'out'] as const).flatMap((name) => {
    const all = l[name]
    if (!all) return []
    const nodes = l.nodes.flatMap((n) => {
      const p = n[name]
      return p ? [{ id: n.id, name: n.name, may: Math.min(p.share_bps / all.capacity_bps, 1), does: Math.min(p.rate_bps / all.capacity_bps, 1), rate: p.rate_bps, sessions: p.sessions }] : []
    })
    return [{ name, all, nodes: nodes.sort((a, b) => b.may - a.may || a.name.localeCompare(b.name)) }]
  })
}
