import { describe, expect, it } from 'vitest'
import { figures, told, worth, type Fared } from './outcome'

const now: Fared = { node_hours: 200, warm_hours: 0, launches: 40, refusals: 12, session_seconds: 100_000, under_seconds: 500, peak_nodes: 9 }

describe('last week under another policy', () => {
  it('is told with what it saves and what that costs the clients', () => {
    expect(told(now, { ...now, node_hours: 150, refusals: 20, under_seconds: 4100 })).toBe('It would have used 25 % fewer node-hours and refused 8 more clients; sessions would have been below their promise for 1 h more.')
    expect(told({ ...now, refusals: 0 }, { ...now, refusals: 0 })).toBe('It would have used as many node-hours and refused nobody.')
    expect(told(now, { ...now, node_hours: 260, refusals: 0 })).toBe('It would have used 30 % more node-hours and refused 12 fewer clients.')
  })
  it('marks what is better and what is worse', () => {
    const by = Object.fromEntries(figures(now, { ...now, node_hours: 150, refusals: 20 }).map((f) => [f.label, f]))
    expect([by['node-hours']!.better, by.refusals!.better, by.launches!.better]).toEqual(['yes', 'no', 'same'])
    expect([by['node-hours']!.now, by['node-hours']!.then]).toEqual(['200', '150'])
  })
  it('speaks of cost and warm nodes only where there are any', () => {
    expect(figures(now, now).map((f) => f.label)).not.toContain('cost')
    expect(figures({ ...now, cost: 10 }, { ...now, cost: 7.5, warm_hours: 3 }).map((f) => f.label)).toEqual(['node-hours', 'warm hours', 'cost', 'refusals', 'below the promise', 'launches', 'most nodes'])
  })
})

it.each([
  [{ hours: 3, mape: 0.1, skill: 0.9 }, 'not been scored for a day'],
  [{ hours: 100, mape: 0.1, skill: 0.4 }, 'sees the load coming: 40 % better'],
  [{ hours: 100, mape: 0.4, skill: 0.05 }, 'a little better'],
  [{ hours: 100, mape: 0.9, skill: -0.5 }, 'no better'],
])('a forecast scored %j is worth what it says', (score, text) => expect(worth(score)).toContain(text))
