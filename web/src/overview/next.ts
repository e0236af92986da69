// The next change that a schedule makes by itself.
import type { Preview } from '../api/types'

type Interval = Preview['intervals'][number]

export interface Next {
  at: string
  text: string // "evening: at least 4 available"
}

// nextChange is the first time ahead at which the minima change. The intervals follow each other without gaps; the first is
// in force.
export function nextChange(intervals: readonly Interval[], now: number): Next | undefined {
  const next = intervals.slice(1).find((v) => Date.parse(v.from) > now)
  if (!next) return undefined
  const floors = [`at least ${next.min_available} available`, next.min_idle ? `${next.min_idle} idle` : ''].filter(Boolean).join(', ')
  return { at: next.from, text: `${next.schedules.length ? next.schedules.join(' and ') : 'the policy’s own minima again'}: ${floors}` }
}
