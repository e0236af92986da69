import { describe, expect, it } from 'vitest'
import { appendPoint, decisionAfter, nodesAfter, overviewAfter, transfersAfter, updateKnown } from './merge'
import type { Decision, Node, Overview, OverviewEvent, Series, Transfer } from './types'

const t0 = Date.parse('2026-01-01T12:00:00Z')
const at = (s: number) => new Date(t0 + s * 1000).toISOString()

function series(...seconds: number[]): Series {
  const z = seconds.map(() => 0)
  return {
    step_s: 5, at: seconds.map(at), send_bps: z, receive_bps: z, send_cap_bps: z, receive_cap_bps: z,
    capacity_idle_bps: z, capacity_low_bps: z, capacity_high_bps: z, sessions: z, nodes: z,
  }
}

function event(s: number, more: Partial<OverviewEvent> = {}): OverviewEvent {
  return {
    at: at(s), doing: 'keeping watch', send_bps: 1, receive_bps: 2, send_cap_bps: 10, receive_cap_bps: 10, capacity_idle_bps: 20,
    capacity_low_bps: 0, capacity_high_bps: 0, sessions: 3, running_nodes: 1, nodes: [], gone: [], ...more,
  }
}

describe('appendPoint', () => {
  it('moves the newest point until its step is over, then adds one', () => {
    const s = appendPoint(series(0, 5), event(7))
    expect(s.at).toEqual([at(0), at(5), at(7)])
    const moved = appendPoint(s, event(9))
    expect(moved.at).toEqual([at(0), at(5), at(9)])
    expect(appendPoint(moved, event(11)).at).toEqual([at(0), at(5), at(9), at(11)])
  })
  it('forgets what is older than the window, in every column', () => {
    const s = appendPoint(series(-899, -895, -5, 0), event(5))
    expect(s.at).toEqual([at(-895), at(-5), at(0), at(5)])
    expect(s.sessions).toHaveLength(4)
    expect(s.nodes.at(-1)).toBe(1)
  })
  it('ignores an event that was overtaken', () => expect(appendPoint(series(0, 5), event(3))).toEqual(series(0, 5)))
  it('starts an empty series', () => expect(appendPoint(series(), event(0)).receive_bps).toEqual([2]))
})

describe('overviewAfter', () => {
  const flock = (id: string, cluster_id: string) => ({ id, name: id, cluster_id, state: 'running', utilization: 0, send_bps: 5, receive_bps: 7, sessions: 1 })
  const base = { at: at(0), doing: 'before', clusters: [{ id: 'a' }], nodes: [], series: series(0), top_tenants: [{ name: 'x' }] } as unknown as Overview

  it('takes the moving figures and keeps the rest', () => {
    const o = overviewAfter(base, event(5, { doing: 'launching 2' }), undefined)
    expect(o).toMatchObject({ doing: 'launching 2', sessions: 3, top_tenants: [{ name: 'x' }] })
    expect(o.series.at).toHaveLength(2)
  })
  it('counts only the nodes of the chosen cluster', () => {
    const o = overviewAfter(base, event(5, { nodes: [flock('1', 'a'), flock('2', 'b')] }), 'a')
    expect(o.nodes.map((n) => n.id)).toEqual(['1'])
    expect(o).toMatchObject({ send_bps: 5, receive_bps: 7, doing: 'before' })
  })
  it('moves cells in place, takes out what is gone and appends what is new', () => {
    const before = { ...base, nodes: [flock('1', 'a'), flock('2', 'a'), flock('3', 'a')] } as Overview
    const o = overviewAfter(before, event(5, { nodes: [{ ...flock('2', 'a'), sessions: 9 }, flock('4', 'b')], gone: ['1'] }), undefined)
    expect(o.nodes.map((n) => [n.id, n.sessions])).toEqual([['2', 9], ['3', 1], ['4', 1]])
  })
  it('ignores an event older than the reading', () => expect(overviewAfter(base, event(-5), undefined)).toBe(base))
})

describe('nodesAfter', () => {
  const node = (id: string, state: Node['state'], more: Partial<Node> = {}) => ({ id, state, ...more }) as Node
  const e = (...nodes: Node[]) => ({ at: at(0), nodes })
  const all = () => true

  it('changes nodes in place and appends new ones, so that no row jumps', () => {
    const out = nodesAfter([node('b', 'running'), node('a', 'booting')], e(node('a', 'running'), node('c', 'requested')), all)
    expect(out.map((n) => `${n.id} ${n.state}`)).toEqual(['b running', 'a running', 'c requested'])
  })
  it('keeps a node that ended in sight, but brings no strangers that ended', () => {
    const out = nodesAfter([node('a', 'running')], e(node('a', 'terminated'), node('z', 'terminated')), all)
    expect(out.map((n) => `${n.id} ${n.state}`)).toEqual(['a terminated'])
  })
  it('keeps the history that an event leaves out', () => {
    const history = { step_s: 15, send_bps: [1], receive_bps: [2] }
    expect(nodesAfter([node('a', 'running', { history })], e(node('a', 'running')), all)[0]?.history).toBe(history)
  })
  it('leaves out new nodes of another cluster', () => expect(nodesAfter([], e(node('a', 'running')), () => false)).toEqual([]))
})

describe('transfersAfter', () => {
  const transfer = (id: string, live: boolean) => ({ id, live, state: live ? 'running' : 'done' }) as Transfer
  it('updates in place, appends what began, and lets what ended stay where it was until the next reading', () => {
    const out = transfersAfter([transfer('b', true), transfer('a', true)], [transfer('a', false), transfer('c', true), transfer('d', false)], () => true)
    expect(out.map((t) => `${t.id} ${t.state}`)).toEqual(['b running', 'a done', 'c running'])
  })
  it('gives the same list back when nothing in it changed', () => {
    const list = [transfer('a', true)]
    expect(updateKnown(list, [transfer('x', true)])).toBe(list)
  })
})

describe('decisionAfter', () => {
  const d = (id: string, count = 1) => ({ id, count }) as Decision
  it('lets new decisions wait, newest first', () => {
    let s = { shown: [d('1')], held: [] as Decision[] }
    s = decisionAfter(s.shown, s.held, d('2'))
    s = decisionAfter(s.shown, s.held, d('3'))
    expect(s.held.map((x) => x.id)).toEqual(['3', '2'])
    expect(s.shown.map((x) => x.id)).toEqual(['1'])
  })
  it('counts on in place, shown or waiting', () => {
    const s = decisionAfter([d('1')], [d('2')], d('1', 5))
    expect(s.shown[0]?.count).toBe(5)
    expect(decisionAfter(s.shown, s.held, d('2', 7)).held[0]?.count).toBe(7)
  })
})
