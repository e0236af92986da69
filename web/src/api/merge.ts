// How events change what was read: pure, so that every case is a test.
import type { Decision, FlockNode, Node, NodesEvent, Overview, OverviewEvent, Series, Transfer } from './types'

// The overview shows this much; older points fall off.
export const windowMs = 15 * 60_000

// appendPoint adds an event's figures to the series: a new point once a step has passed, before that the newest point
// moves. The first point is never younger than the window.
export function appendPoint(s: Series, e: OverviewEvent): Series {
  const at = Date.parse(e.at)
  const n = s.at.length
  const last = n ? Date.parse(s.at[n - 1]!) : -Infinity
  if (at < last) return s
  const before = n > 1 ? Date.parse(s.at[n - 2]!) : -Infinity
  const replace = n > 0 && at - before < s.step_s * 1000
  let from = 0
  while (from < n && Date.parse(s.at[from]!) < at - windowMs) from++
  const add = <T>(list: T[], v: T): T[] => [...list.slice(from, replace ? n - 1 : n), v]
  return {
    step_s: s.step_s,
    at: add(s.at, e.at),
    send_bps: add(s.send_bps, e.send_bps),
    receive_bps: add(s.receive_bps, e.receive_bps),
    send_cap_bps: add(s.send_cap_bps, e.send_cap_bps),
    receive_cap_bps: add(s.receive_cap_bps, e.receive_cap_bps),
    capacity_idle_bps: add(s.capacity_idle_bps, e.capacity_idle_bps),
    capacity_low_bps: add(s.capacity_low_bps, e.capacity_low_bps),
    capacity_high_bps: add(s.capacity_high_bps, e.capacity_high_bps),
    sessions: add(s.sessions, e.sessions),
    nodes: add(s.nodes, e.running_nodes),
  }
}

// overviewAfter applies an event, which tells of all clusters together. For one of several clusters only its nodes are
// taken from it; the rest comes with the next reading.
export function overviewAfter(o: Overview, e: OverviewEvent, cluster: string | undefined): Overview {
  if (Date.parse(e.at) < Date.parse(o.at)) return o
  const nodes = cellsAfter(o.nodes, e, (n) => !cluster || o.clusters.some((c) => c.id === n.cluster_id))
  if (!cluster) {
    return {
      ...o,
      at: e.at,
      doing: e.doing,
      nodes,
      send_bps: e.send_bps,
      receive_bps: e.receive_bps,
      send_cap_bps: e.send_cap_bps,
      receive_cap_bps: e.receive_cap_bps,
      sessions: e.sessions,
      series: appendPoint(o.series, e),
    }
  }
  const sum = (f: (n: (typeof nodes)[number]) => number) => nodes.reduce((a, n) => a + f(n), 0)
  return { ...o, at: e.at, nodes, send_bps: sum((n) => n.send_bps), receive_bps: sum((n) => n.receive_bps), sessions: sum((n) => n.sessions) }
}

// cellsAfter updates the cells that moved, in place, takes out those that are gone and appends new ones.
function cellsAfter(cells: FlockNode[], e: OverviewEvent, belongs: (n: FlockNode) => boolean): FlockNode[] {
  const moved = new Map(e.nodes.map((n) => [n.id, n]))
  const gone = new Set(e.gone)
  const out: FlockNode[] = []
  for (const c of cells) {
    if (!gone.has(c.id)) out.push(moved.get(c.id) ?? c)
    moved.delete(c.id)
  }
  for (const n of moved.values()) if (belongs(n)) out.push(n)
  return out
}

// nodesAfter updates nodes in place, keeps their order and appends new ones. A node that ended stays for its reader,
// as terminated, until the list is read anew.
export function nodesAfter(list: Node[], e: NodesEvent, belongs: (n: Node) => boolean): Node[] {
  const changed = new Map(e.nodes.map((n) => [n.id, n]))
  const out = list.map((old) => {
    const n = changed.get(old.id)
    if (!n) return old
    changed.delete(old.id)
    return { ...n, history: n.history ?? old.history } as Node
  })
  for (const n of changed.values()) {
    if (n.state !== 'terminated' && belongs(n)) out.push(n)
  }
  return out
}

// transfersAfter updates live transfers in place; those that ended stay in place until the next reading, new ones are appended.
export function transfersAfter(list: Transfer[], changed: Transfer[], belongs: (t: Transfer) => boolean): Transfer[] {
  const byID = new Map(changed.map((t) => [t.id, t]))
  const out = list.map((old) => {
    const t = byID.get(old.id)
    byID.delete(old.id)
    return t ?? old
  })
  for (const t of byID.values()) {
    if (t.live && belongs(t)) out.push(t)
  }
  return out
}

// updateKnown replaces what is in a page and ignores the rest.
export function updateKnown<T extends { id: string }>(list: T[], changed: T[]): T[] {
  const byID = new Map(changed.map((t) => [t.id, t]))
  return list.some((t) => byID.has(t.id)) ? list.map((t) => byID.get(t.id) ?? t) : list
}

// Held are decisions that came while the list was open: those shown are updated in place, new ones wait.
export function decisionAfter(shown: Decision[], held: Decision[], d: Decision): { shown: Decision[]; held: Decision[] } {
  if (shown.some((x) => x.id === d.id)) return { shown: updateKnown(shown, [d]), held }
  if (held.some((x) => x.id === d.id)) return { shown, held: updateKnown(held, [d]) }
  return { shown, held: [d, ...held] }
}
