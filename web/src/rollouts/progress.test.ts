import { describe, expect, it } from 'vitest'
import type { Rollout } from '../api/types'
import { progress, underWay } from './progress'

const template = { id: 't', name: 'small' }
const rollout = (change: Partial<Rollout>): Rollout => ({
  id: 'r', cluster: { id: 'c', name: 'studio' }, state: 'rolling', from: { template, version: 2 }, to: { template, version: 3 },
  surge: 1, surge_percent: 10, max_unavailable: 0, max_failures: 3, total: 5, replaced: 2, failures: 0,
  doing: 'waits for 1 new node to serve', started_at: '2026-03-02T12:00:00Z', updated_at: '2026-03-02T12:00:00Z', ...change,
})

describe('a rollout', () => {
  it('says how far it is and what it waits for', () => {
    expect(progress(rollout({}))).toEqual({ done: 0.4, text: 'Rollout of small version 3 under way: 2 of 5 nodes replaced.', detail: 'waits for 1 new node to serve' })
  })
  it('that was rolled back says why', () => {
    const p = progress(rollout({ state: 'rolled_back', replaced: 0, failures: 3, reason: '3 new nodes came to nothing' }))
    expect(p.text).toBe('Rollout of small version 3 rolled back: 0 of 5 nodes replaced; 3 new nodes failed.')
    expect(p.detail).toBe('3 new nodes came to nothing')
  })
  it('of nothing is done at once', () => {
    expect(progress(rollout({ state: 'done', total: 0, replaced: 0 })).done).toBe(1)
  })
  it('is under way while it rolls or is held', () => {
    expect([rollout({}), rollout({ state: 'paused' }), rollout({ state: 'done' }), undefined].map(underWay)).toEqual([true, true, false, false])
  })
})
