import type { ConfigurationRollout } from '../api/types'
import { plural } from '../format/format'

// share is how far a rollout is: parts of the bar, and the words.
export function share(r: ConfigurationRollout): { done: number; bad: number; text: string } {
  if (r.total === 0) return { done: 1, bad: 0, text: `No node runs; the next ones begin with version ${r.version}.` }
  const bad = Math.min(r.refused, r.total - r.applied)
  const way = r.total - r.applied - bad
  const rest = [way ? `${way} on ${way === 1 ? 'its' : 'their'} way` : '', bad ? `${bad} refuse${bad === 1 ? 's' : ''} it` : ''].filter(Boolean).join(', ')
  const text = r.applied === r.total ? `All ${plural(r.total, 'node')} run with version ${r.version}.` : `${r.applied} of ${plural(r.total, 'node')} run with version ${r.version}; ${rest}.`
  return { done: r.applied / r.total, bad: bad / r.total, text: r.total === 1 && r.applied === 1 ? `The one node runs with version ${r.version}.` : text }
}
