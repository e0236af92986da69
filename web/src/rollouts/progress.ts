import type { Rollout } from '../api/types'
import { plural } from '../format/format'

const states: Record<Rollout['state'], string> = {
  rolling: 'under way',
  paused: 'paused',
  done: 'done',
  rolled_back: 'rolled back',
  aborted: 'given up',
  superseded: 'replaced by a newer one',
}

export const underWay = (r: Rollout | undefined): boolean => r?.state === 'rolling' || r?.state === 'paused'

// progress is how far a rollout is: the bar, and the words.
export function progress(r: Rollout): { done: number; text: string; detail: string } {
  const done = r.total === 0 ? (r.state === 'done' ? 1 : 0) : r.replaced / r.total
  const failed = r.failures ? `; ${plural(r.failures, 'new node')} failed` : ''
  const count = r.total === 0 ? 'nothing to replace' : `${r.replaced} of ${plural(r.total, 'node')} replaced`
  const goal = `${r.to.template.name} version ${r.to.version}`
  return { done, text: `Rollout of ${goal} ${states[r.state]}: ${count}${failed}.`, detail: (underWay(r) ? r.doing : r.reason) ?? '' }
}
