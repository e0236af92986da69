import type { Plan } from '../api/types'
import { plural } from '../format/format'

// What a decision was made from, read as far as this console knows it: the snapshot's form may grow.
export interface SnapshotFacts {
  nodes: { id: string; state: string; sessions: number }[]
  launches: number
  waiting: number
  notes: string[]
}

type Loose = Record<string, unknown>
const object = (v: unknown): Loose => (v && typeof v === 'object' && !Array.isArray(v) ? (v as Loose) : {})
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : [])
const number = (v: unknown): number => (typeof v === 'number' ? v : 0)
const text = (v: unknown): string => (typeof v === 'string' ? v : '')

export function snapshotFacts(snapshot: unknown): SnapshotFacts {
  const s = object(snapshot)
  const notes: string[] = []
  if (s.paused === true) notes.push('The cluster was paused.')
  const override = object(s.override)
  if (typeof override.nodes === 'number') notes.push(`An operator had fixed the number of nodes at ${override.nodes}.`)
  const blocked = object(s.blocked)
  if (text(blocked.cause)) notes.push(`Launches were blocked: ${text(blocked.cause)}.`)
  for (const e of list(s.launch_errors).map(object)) notes.push(`A launch had failed: ${[text(e.kind), text(e.offering)].filter(Boolean).join(', ')}.`)
  return {
    nodes: list(s.nodes)
      .map(object)
      .map((n) => ({
        id: text(n.id),
        state: text(n.state),
        // Of a node with very many sessions only the sum is kept.
        sessions: list(n.sessions).length || number(object(n.load).sessions),
      })),
    launches: list(s.recent_launches).length,
    waiting: list(s.queue).length,
    notes,
  }
}

// capacityText is the size of things at a decision: what there was, what was wanted, and for which load.
export function capacityText(c: Plan['capacity']): string {
  const pools = (['idle', 'low', 'high', 'degraded', 'pending', 'draining', 'lost'] as const).filter((p) => c[p] > 0).map((p) => `${c[p]} ${p}`)
  return [
    `${plural(c.running, 'node')} running${pools.length ? ` (${pools.join(', ')})` : ''}`,
    `${c.available} available of at least ${c.min_available}`,
    `demand ${Number(c.demand.toPrecision(3))} nodes’ worth${c.signal ? ` by ${c.signal}` : ''}`,
    `${plural(c.wanted, 'node')} wanted`,
    c.queued ? `${plural(c.queued, 'client')} waiting` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

export interface Outcome {
  did: string
  note: string
  bad: boolean
}

// results are what came of a decision's actions, in words.
export function results(result: unknown): Outcome[] {
  return list(result)
    .map(object)
    .map((r) => {
      const did = [text(r.action), text(r.node)].filter(Boolean).join(' ')
      const sessions = list(r.sessions).length
      const at = object(r.at)
      if (text(at.provider)) {
        const where = [at.provider, at.type, at.spot === true ? 'spot' : '', at.zone ? `in ${text(at.zone)}` : ''].map(text).filter(Boolean).join(' ')
        return { did, note: `at ${where}, after ${list(r.passed_over).map(text).join('; ')}`, bad: false }
      }
      if (text(r.error)) return { did, note: `failed: ${text(r.error)}`, bad: true }
      if (r.unknown === true) return { did, note: 'not done: this manager does not know how; a newer one does', bad: true }
      if (r.overtaken === true) return { did, note: 'overtaken: it was elsewhere by then, which the next decision took up', bad: false }
      if (sessions && typeof r.asked === 'number') return { did, note: `${r.asked} of ${plural(sessions, 'session')} asked to move`, bad: false }
      if (sessions) return { did, note: `${plural(sessions, 'session')} to move`, bad: false }
      return { did, note: 'begun', bad: false }
    })
}
