// Decisions and people's changes in one line of time, newest first.
import type { AuditEntry, Decision } from '../api/types'
import type { DecisionFilter } from '../api/queries'
import { fold, quiet, why, type Entry } from './fold'

export type Item = Entry | { kind: 'change'; entry: AuditEntry }

// doneBy tells what people and their programs changed; signing in and what tenants move are not changes of the system.
export const byPeople = (e: AuditEntry): boolean => /^(user|token):/.test(e.actor) && !['sign_in', 'sign_out'].includes(e.action) && e.object !== 'transfer'

const at = (i: Item): number => Date.parse(i.kind === 'change' ? i.entry.at : i.kind === 'action' ? i.decision.at : i.until)

// weave puts both lists, each newest first, into one. Inactions fold only up to a change that somebody made: it may be
// why the next decision differs.
export function weave(decisions: Decision[], changes: AuditEntry[]): Item[] {
  const out: Item[] = []
  let from = 0
  const flush = (to: number) => {
    out.push(...fold(decisions.slice(from, to)))
    from = to
  }
  const when = (d: Decision) => Date.parse(quiet(d) ? d.until : d.at)
  for (const entry of changes) {
    const t = Date.parse(entry.at)
    let to = from
    while (to < decisions.length && when(decisions[to]!) > t) to++
    flush(to)
    out.push({ kind: 'change', entry })
  }
  flush(decisions.length)
  return out
}

interface Source {
  oldest: string | undefined // time of the oldest row that was read
  more: boolean
}

// complete is what can be shown without a hole: nothing older than what both sources have been read to.
export function complete(items: Item[], a: Source, b: Source): Item[] {
  const edge = Math.max(...[a, b].map((s) => (s.more ? Date.parse(s.oldest ?? '') || Infinity : -Infinity)))
  return edge === -Infinity ? items : items.filter((i) => at(i) >= edge)
}

// behind is the source that must be read further to go on: the one whose oldest row is newer.
export function behind(a: Source, b: Source): 'a' | 'b' | undefined {
  if (!a.more && !b.more) return undefined
  if (!a.more) return 'b'
  if (!b.more) return 'a'
  return Date.parse(a.oldest ?? '') >= Date.parse(b.oldest ?? '') ? 'a' : 'b'
}

// chosen tells whether a decision that an event brings belongs in a filtered stream.
export function chosen(f: DecisionFilter, d: Decision): boolean {
  const acts = [...d.plan.actions, ...(d.plan.withheld ?? [])]
  const words = f.q?.toLowerCase().split(/\s+/).filter(Boolean) ?? []
  const text = why(d).join(' ').toLowerCase()
  return (
    (!f.cluster || d.cluster.name === f.cluster || d.cluster.id === f.cluster) &&
    (!f.kind || (f.kind === 'noop') === quiet(d)) &&
    (!f.action || acts.some((a) => a.kind === f.action)) &&
    (!f.code || d.reasons.some((r) => r.code === f.code) || acts.some((a) => a.reason.code === f.code)) &&
    words.every((w) => text.includes(w))
  )
}

const spans: Record<string, number> = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 }

// since is the time that a chip such as "24h" means, to the minute, so that one look asks one question.
export function since(chip: string | undefined, now: number): string | undefined {
  const ms = spans[chip ?? '']
  return ms ? new Date(Math.floor((now - ms) / 60_000) * 60_000).toISOString() : undefined
}
