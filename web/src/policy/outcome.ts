// How two policies fared over the same recorded load, in words and figures.
import { count, percent, span } from '../format/format'

// Fared is the outcome of one policy over a recorded load.
export interface Fared {
  node_hours: number
  warm_hours: number
  cost?: number | undefined
  launches: number
  refusals: number
  session_seconds: number
  under_seconds: number
  peak_nodes: number
}

export interface Figure {
  label: string
  help: string
  now: string
  then: string
  better: 'yes' | 'no' | 'same' // for the proposed one
}

const hours = (h: number): string => (h < 10 ? h.toFixed(1) : count(Math.round(h)))
const money = (c: number): string => c.toFixed(2)
const under = (f: Fared): number => (f.session_seconds > 0 ? f.under_seconds / f.session_seconds : 0)

// figures lay the policy in force and the proposed one side by side; less is better in every row.
export function figures(now: Fared, then: Fared): Figure[] {
  const row = (label: string, help: string, of: (f: Fared) => number, text: (v: number) => string): Figure => {
    const [a, b] = [of(now), of(then)]
    return { label, help, now: text(a), then: text(b), better: text(a) === text(b) ? 'same' : b < a ? 'yes' : 'no' }
  }
  return [
    row('node-hours', 'What was running, request to end.', (f) => f.node_hours, hours),
    ...(now.warm_hours || then.warm_hours ? [row('warm hours', 'Stopped nodes kept ready.', (f) => f.warm_hours, hours)] : []),
    ...(now.cost !== undefined && then.cost !== undefined ? [row('cost', 'Where prices are known.', (f) => f.cost ?? 0, money)] : []),
    row('refusals', 'Clients that found no node in time.', (f) => f.refusals, count),
    row('below the promise', 'Share of the sessions’ time.', under, (v) => percent(v)),
    row('launches', 'Nodes that were launched.', (f) => f.launches, count),
    row('most nodes', 'At one time.', (f) => f.peak_nodes, count),
  ]
}

// told is the outcome in a sentence.
export function told(now: Fared, then: Fared): string {
  const saved = now.node_hours - then.node_hours
  const share = now.node_hours > 0 ? Math.abs(saved) / now.node_hours : 0
  const hoursTold = share < 0.005 ? 'It would have used as many node-hours' : `It would have used ${percent(share)} ${saved > 0 ? 'fewer' : 'more'} node-hours`
  const refused = then.refusals - now.refusals
  const clients = refused === 0 ? (then.refusals ? `and refused as many clients (${count(then.refusals)})` : 'and refused nobody') : `and refused ${count(Math.abs(refused))} ${refused > 0 ? 'more' : 'fewer'} clients`
  const late = under(then) - under(now)
  const level = Math.abs(late) * then.session_seconds < 60 ? '' : `; sessions would have been below their promise for ${span(Math.abs(then.under_seconds - now.under_seconds))} ${late > 0 ? 'more' : 'less'}`
  return `${hoursTold} ${clients}${level}.`
}

// worth says of a forecast's score whether it may be let to act.
export function worth(score: { hours: number; mape: number; skill: number }): string {
  if (score.hours < 24) return 'It has not been scored for a day yet: let it watch.'
  if (score.skill > 0.2) return `It sees the load coming: ${percent(score.skill)} better than taking the last minutes for the next.`
  if (score.skill > 0) return 'It is a little better than taking the last minutes for the next.'
  return 'It is no better than taking the last minutes for the next: leave it in the shadow.'
}
