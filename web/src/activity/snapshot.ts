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
