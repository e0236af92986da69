import { describe, expect, it } from 'vitest'
import type { FlockNode, Marker, Series } from '../api/types'
import { cellAt, comb, place, tally } from './flock'
import { columns, groupMarkers, perMinute, reach, stretch, symbol } from './throughput'
import { verdict } from './verdict'

describe('the verdict', () => {
  it.each<[string, boolean, boolean, number, boolean]>([
    ['Healthy · 3 nodes', true, true, 3, false],
    ['Was healthy · 1 node', true, true, 1, true],
    ['Needs a look · 0 nodes', false, false, 0, false],
    ['Was troubled · 1 node', false, false, 1, true],
    ['No node runs', false, true, 0, false],
    ['No node ran', false, true, 0, true],
  ])('%s', (text, well, healthy, running, stale) => expect(verdict(healthy, running, stale)).toEqual({ well, text }))
})

describe('the flock', () => {
  it('gives every cell a place of its own, within the field', () => {
    for (const n of [1, 2, 7, 40, 399, 10_000]) {
      const c = comb(n, 420, 240)
      const seen = new Set<string>()
      for (let i = 0; i < n; i++) {
        const [x, y] = place(c, i)
        expect(x + c.radius * 0.87).toBeLessThanOrEqual(420.01)
        expect(y + c.radius).toBeLessThanOrEqual(c.height + 0.01)
        seen.add(`${x.toFixed(2)} ${y.toFixed(2)}`)
      }
      expect(seen.size).toBe(n)
    }
  })
  it('grows smaller before it grows taller', () => {
    expect(comb(1, 420, 240).radius).toBe(54)
    expect(comb(400, 420, 240).height).toBeLessThanOrEqual(244)
    expect(comb(10_000, 420, 240).height).toBeGreaterThan(240)
  })
  it('a newcomer moves nobody while the cells keep their size', () => {
    let kept = 0
    for (let n = 2; n < 400; n++) {
      const [a, b] = [comb(n, 600, 240), comb(n + 1, 600, 240)]
      if (a.radius !== b.radius || n <= a.columns) continue
      kept++
      for (let i = 0; i < n; i++) expect(place(b, i)).toEqual(place(a, i))
    }
    expect(kept).toBeGreaterThan(300)
  })
  it('finds the cell under the pointer, and none between them', () => {
    const c = comb(50, 300, 200)
    for (const i of [0, 1, 17, 49]) expect(cellAt(c, 50, ...place(c, i))).toBe(i)
    expect(cellAt(c, 50, -20, 5)).toBe(-1)
    expect(cellAt(c, 10, ...place(c, 30))).toBe(-1)
  })
  it('counts running nodes by pool and others by state', () => {
    const n = (state: string, pool?: string) => ({ state, pool }) as FlockNode
    expect(tally([n('running', 'high'), n('booting'), n('running', 'idle'), n('running', 'high'), n('draining', 'low')]).map((t) => `${t.n} ${t.key}`)).toEqual([
      '1 idle', '2 high', '1 booting', '1 draining',
    ])
  })
})

const series: Series = {
  step_s: 5, at: ['2026-01-01T00:00:50Z', '2026-01-01T00:00:55Z', '2026-01-01T00:01:00Z'], send_bps: [1e6, 2e6, 3e6], receive_bps: [10e6, 20e6, 30e6],
  send_cap_bps: [100e6, 100e6, 0], receive_cap_bps: [300e6, 300e6, 0], capacity_idle_bps: [100e6, 0, 0], capacity_low_bps: [100e6, 0, 0],
  capacity_high_bps: [200e6, 200e6, 0], sessions: [1, 2, 3], nodes: [1, 1, 0],
}

describe('throughput', () => {
  it('splits the pools in the ratio of the directions, stacked from the middle', () => {
    const c = columns(series)
    expect(c.up.map((l) => l[0])).toEqual([150e6, 225e6, 300e6, 300e6])
    expect(c.down.map((l) => l[0])).toEqual([-50e6, -75e6, -100e6, -100e6])
  })
  it('what no pool covers is left for degraded', () => {
    const c = columns(series)
    expect(c.up[2][1]).toBe(150e6)
    expect(c.up[3][1]).toBe(300e6)
  })
  it('shows a young cluster in two minutes and an old one in all that fits', () => {
    expect(stretch([1000, 1010], 0, 900)).toEqual([891, 1011])
    expect(stretch([10, 5000], 0, 900)).toEqual([4101, 5001])
    expect(stretch([], 7000, 900)).toEqual([6881, 7001])
  })
  it('survives a time without nodes', () => expect(columns(series).up.map((l) => l[2])).toEqual([0, 0, 0, 0]))
  it('reaches over capacity and traffic alike', () => {
    const [low, high] = reach(columns(series))
    expect(high).toBeCloseTo(324e6)
    expect(low).toBeCloseTo(-108e6)
  })
  it('reads as a table, newest minute first', () => expect(perMinute(series).map((r) => [r.in, r.nodes])).toEqual([[30e6, 0], [20e6, 1]]))
})

describe('markers', () => {
  const m = (s: number, id: string): Marker => ({ decision_id: id, at: new Date(s * 1000).toISOString(), kind: 'launch', text: '' })
  it('groups what would overlap and drops what is out of sight', () => {
    const groups = groupMarkers([m(10, 'a'), m(500, 'b'), m(505, 'c'), m(990, 'd'), m(2000, 'e')], 100, 1000, 0.02)
    expect(groups.map((g) => g.markers.map((x) => x.decision_id))).toEqual([['d'], ['c', 'b']])
  })
  it('has a sign for each kind of action', () => expect(['launch', 'drain', 'undrain', 'drain+launch', 'odd'].map(symbol)).toEqual(['+', '−', '↺', '+', '•']))
})
