// Inactions in a row are one line: what matters is what changed, and that between changes somebody kept watch.
import type { Decision } from '../api/types'

export type Entry =
  | { kind: 'action'; decision: Decision }
  | { kind: 'quiet'; id: string; count: number; at: string; until: string; decisions: Decision[] } // newest first

export const quiet = (d: Decision): boolean => d.plan.actions.length === 0 && (d.plan.withheld?.length ?? 0) === 0

// fold takes decisions newest first. Quiet ones of one cluster that follow each other become one entry; those of another
// cluster in between do not break it.
export function fold(decisions: Decision[]): Entry[] {
  const out: Entry[] = []
  const open = new Map<string, Extract<Entry, { kind: 'quiet' }>>()
  for (const d of decisions) {
    if (!quiet(d)) {
      open.delete(d.cluster.id)
      out.push({ kind: 'action', decision: d })
      continue
    }
    const e = open.get(d.cluster.id)
    if (e) {
      e.count += d.count
      e.at = d.at
      e.decisions.push(d)
      continue
    }
    const fresh = { kind: 'quiet' as const, id: d.id, count: d.count, at: d.at, until: d.until, decisions: [d] }
    open.set(d.cluster.id, fresh)
    out.push(fresh)
  }
  return out
}

// verb says what a decision does, in words: "launch 2, drain 1".
export function verb(d: Decision): string {
  if (quiet(d)) return 'no change'
  const counts = new Map<string, number>()
  for (const a of d.plan.actions) counts.set(a.kind, (counts.get(a.kind) ?? 0) + (a.count || 1))
  const said = [...counts].map(([k, n]) => `${words[k] ?? k} ${n}`).join(', ')
  const withheld = d.plan.withheld?.length ?? 0
  if (withheld) return said ? `${said}; ${withheld} held back by the pause` : `${withheld} held back by the pause`
  return said
}

const words: Record<string, string> = { lost: 'declare lost', undrain: 'un-drain', recover: 'recover' }

// why are the distinct reasons of a decision: of its actions first, then the rest.
export function why(d: Decision): string[] {
  const texts = [...d.plan.actions, ...(d.plan.withheld ?? [])].map((a) => a.reason.text).concat(d.reasons.map((r) => r.text))
  return [...new Set(texts.filter(Boolean))]
}
