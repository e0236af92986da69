// What a plan does and how two plans differ, in words.
import type { Plan } from '../api/types'
import { percent } from '../format/format'
import type { Line } from '../ui/Changes'

const words: Record<string, string> = { lost: 'declare lost', undrain: 'un-drain' }

// deeds says what a plan does: "launch 2, drain 1"; empty when nothing.
export function deeds(plan: Pick<Plan, 'actions' | 'withheld'>): string {
  const counts = new Map<string, number>()
  for (const a of [...plan.actions, ...(plan.withheld ?? [])]) counts.set(a.kind, (counts.get(a.kind) ?? 0) + (a.count || 1))
  return [...counts].map(([k, n]) => `${words[k] ?? k} ${n}`).join(', ')
}

// headline compares what is decided now with what would be.
export function headline(now: Plan | undefined, then: Plan): string {
  const a = now ? deeds(now) : ''
  const b = deeds(then)
  if (a === b) return b ? `It would ${b} now, as it does without your changes.` : 'Nothing would be done now.'
  if (!b) return `It would no longer ${a} now.`
  return a ? `It would ${b} now, instead of ${a}.` : `It would ${b} now.`
}

const figures = [
  ['wanted', 'Nodes wanted'],
  ['min_available', 'Floor of available nodes'],
  ['min_idle', 'Floor of idle nodes'],
  ['available', 'Nodes that take clients'],
  ['high', 'Full nodes'],
  ['held', 'Sessions below their promise'],
] as const

// movedFigures are the numbers of a plan that a policy changes.
export function movedFigures(now: Plan, then: Plan): Line[] {
  const out: Line[] = []
  for (const [key, label] of figures) {
    const a = now.capacity[key]
    const b = then.capacity[key]
    if (a !== b) out.push({ label, before: String(a), after: String(b) })
  }
  if (percent(now.capacity.utilization) !== percent(then.capacity.utilization)) {
    out.push({ label: 'Utilisation', before: percent(now.capacity.utilization), after: percent(then.capacity.utilization) })
  }
  return out
}

// movedPools are the nodes that another policy sees otherwise.
export function movedPools(now: Plan, then: Plan, name: (id: string) => string): Line[] {
  const before = new Map(now.pools.map((p) => [p.node_id ?? '', p.pool]))
  return then.pools
    .filter((p) => p.node_id !== undefined && before.has(p.node_id) && before.get(p.node_id) !== p.pool)
    .map((p) => ({ label: name(p.node_id ?? ''), before: before.get(p.node_id ?? '') ?? '', after: p.pool }))
}
