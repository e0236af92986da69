import { describe, expect, it } from 'vitest'
import type { Action, Decision } from '../api/types'
import { fold, verb, why } from './fold'
import { capacityText, results, snapshotFacts } from './snapshot'

const action = (kind: string, text: string, count?: number): Action => ({ kind, reason: { code: kind, text }, ...(count && { count }) })

function decision(id: string, actions: Action[], more: Partial<Decision> = {}): Decision {
  return {
    id, cluster: { id: 'c', name: 'local' }, policy_version: 1, kind: 'noop', at: `2026-01-01T00:00:0${id}Z`, until: `2026-01-01T00:00:0${id}Z`, count: 1,
    summary: '', reasons: [{ code: 'r', text: `reason ${id}` }], plan: { actions, reasons: [], pools: [] } as unknown as Decision['plan'], ...more,
  }
}

describe('fold', () => {
  it('makes one line of inactions in a row, with their sum and span', () => {
    const [line, ...rest] = fold([decision('3', [], { count: 40 }), decision('2', []), decision('1', [])])
    expect(rest).toEqual([])
    expect(line).toMatchObject({ kind: 'quiet', id: '3', count: 42, at: '2026-01-01T00:00:01Z', until: '2026-01-01T00:00:03Z' })
  })
  it('an action parts the inactions around it', () => {
    const entries = fold([decision('3', []), decision('2', [action('launch', 'why', 2)]), decision('1', [])])
    expect(entries.map((e) => e.kind)).toEqual(['quiet', 'action', 'quiet'])
  })
  it('another cluster does not part them', () => {
    const other = { cluster: { id: 'o', name: 'other' } }
    const entries = fold([decision('4', []), decision('3', [action('drain', 'x')], other), decision('2', [], other), decision('1', [])])
    expect(entries.map((e) => (e.kind === 'quiet' ? e.count : 'action'))).toEqual([2, 'action', 1])
  })
  it('what a pause holds back is no inaction', () => {
    const d = decision('1', [])
    d.plan.withheld = [action('launch', 'min', 2)]
    expect(fold([d])[0]?.kind).toBe('action')
    expect(verb(d)).toBe('1 held back by the pause')
  })
})

describe('words', () => {
  it('names what is done, each kind once', () => {
    expect(verb(decision('1', [action('launch', 'a', 2), action('drain', 'b'), action('drain', 'c')]))).toBe('launch 2, drain 2')
    expect(verb(decision('1', []))).toBe('no change')
  })
  it('gives each reason once, those of actions first', () => {
    expect(why(decision('1', [action('launch', 'min 2'), action('launch', 'min 2')]))).toEqual(['min 2', 'reason 1'])
  })
})

describe('snapshotFacts', () => {
  it('reads what it knows and survives what it does not', () => {
    for (const odd of [null, 7, 'x', [], { nodes: 'none' }, { nodes: [null] }]) expect(() => snapshotFacts(odd)).not.toThrow()
    const f = snapshotFacts({
      nodes: [{ id: 'a', state: 'running', sessions: [{}, {}] }, { id: 'b', state: 'running', load: { sessions: 900 } }],
      paused: true, recent_launches: ['x'], queue: [{}, {}], override: { nodes: 3 },
    })
    expect(f.nodes.map((n) => n.sessions)).toEqual([2, 900])
    expect(f).toMatchObject({ launches: 1, waiting: 2, notes: ['The cluster was paused.', 'An operator had fixed the number of nodes at 3.'] })
  })
})

describe('what came of it', () => {
  it('says so in words, and what did not work', () => {
    expect(results([{ action: 'launch', node: 'n1' }, { action: 'drain', node: 'n2', overtaken: true }, { action: 'move', node: 'n3', sessions: ['a', 'b'], asked: 1 }, { action: 'move', node: 'n4', error: 'no link' }])).toEqual([
      { did: 'launch n1', note: 'begun', bad: false },
      { did: 'drain n2', note: 'overtaken: it was elsewhere by then, which the next decision took up', bad: false },
      { did: 'move n3', note: '1 of 2 sessions asked to move', bad: false },
      { did: 'move n4', note: 'failed: no link', bad: true },
    ])
    expect(results(null)).toEqual([])
    expect(results({ odd: 1 })).toEqual([])
  })
  it('tells the size of things then', () => {
    const c = { running: 3, idle: 2, low: 0, high: 1, degraded: 0, pending: 0, draining: 0, lost: 0, available: 2, min_available: 2, demand: 1.2345, signal: 'receive', wanted: 3, queued: 0 }
    expect(capacityText(c as never)).toBe('3 nodes running (2 idle, 1 high), 2 available of at least 2, demand 1.23 nodes’ worth by receive, 3 nodes wanted')
  })
})
