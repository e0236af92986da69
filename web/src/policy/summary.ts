// A policy in a few sentences, as one would say it to a colleague.
import type { Policy } from '../api/types'
import { percent, plural, span } from '../format/format'

export function summary(p: Policy): string[] {
  const idle = p.min_idle ? `, ${p.min_idle} of them idle,` : ''
  const out = [
    `Keeps ${plural(p.min_available, 'node')} available for new clients${idle} and never runs more than ${p.max_nodes}.`,
    `Promises each session ${p.session_rate_mbps} Mb/s; a node is full at ${percent(p.max_threshold)} and free again at ${percent(p.min_threshold)}.`,
    `Grows ${p.scale_out_window_s ? `after ${span(p.scale_out_window_s)}` : 'at once'}, by at most ${p.launch_limit.count} per ${span(p.launch_limit.per_seconds)}; shrinks after ${span(p.scale_in_window_s)} without need.`,
  ]
  const more = p as Policy & { warm_nodes?: number; forecast?: string; disruption_budget?: number }
  if (more.warm_nodes) out.push(`Keeps ${plural(more.warm_nodes, 'stopped node')} ready to start.`)
  if (more.disruption_budget) out.push(`Drains at most ${more.disruption_budget} at once.`)
  if (p.schedules.length) out.push(`${plural(p.schedules.length, 'schedule')} raise${p.schedules.length === 1 ? 's' : ''} the floors at set hours.`)
  if (more.forecast && more.forecast !== 'off') out.push(more.forecast === 'on' ? 'Acts on its forecast.' : 'Scores a forecast without acting on it.')
  return out
}
