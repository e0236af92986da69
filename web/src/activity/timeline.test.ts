import { describe, expect, it } from 'vitest'
import type { AuditEntry, Decision } from '../api/types'
import { behind, byPeople, chosen, complete, since, weave, type Item } from './timeline'

const t = (s: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString()
const decision = (s: number, acts = false): Decision =>
  ({ id: `d${s}`, cluster: { id: 'c', name: 'local' }, kind: acts ? 'launch' : 'noop', at: t(s), until: t(s), count: 1, summary: '', policy_version: 1, reasons: [], plan: { actions: acts ? [{ kind: 'launch', reason: { code: 'launch', text: 'x' } }] : [], reasons: [], pools: [] } }) as unknown as Decision
const change = (s: number, more: Partial<AuditEntry> = {}): AuditEntry => ({ id: `a${s}`, at: t(s), actor: 'user:admin', action: 'update', object: 'policy', ...more })
const names = (items: Item[]) => items.map((i) => (i.kind === 'change' ? i.entry.id : i.kind === 'action' ? i.decision.id : `${i.decisions.map((d) => d.id).join('+')}`))

describe('the stream', () => {
  it('puts decisions and changes in order of time', () => {
    expect(names(weave([decision(9, true), decision(5, true)], [change(7), change(3)]))).toEqual(['d9', 'a7', 'd5', 'a3'])
  })
  it('folds inactions, but not over what somebody changed', () => {
    expect(names(weave([decision(9), decision(8), decision(5), decision(4)], [change(6)]))).toEqual(['d9+d8', 'a6', 'd5+d4'])
  })
  it('is one of decisions alone where nobody changed anything', () => expect(names(weave([decision(2), decision(1)], []))).toEqual(['d2+d1']))
})

describe('two lists read page by page', () => {
  const items = weave([decision(9, true), decision(5, true)], [change(7), change(3)])
  it('show nothing older than the edge of the one that has more', () => {
    expect(names(complete(items, { oldest: t(5), more: true }, { oldest: t(3), more: false }))).toEqual(['d9', 'a7', 'd5'])
    expect(names(complete(items, { oldest: t(5), more: true }, { oldest: t(7), more: true }))).toEqual(['d9', 'a7'])
    expect(complete(items, { oldest: t(5), more: false }, { oldest: undefined, more: false })).toHaveLength(4)
    expect(complete(items, { oldest: t(5), more: false }, { oldest: undefined, more: true })).toHaveLength(0)
  })
  it('go on with the one that lags', () => {
    expect(behind({ oldest: t(5), more: true }, { oldest: t(7), more: true })).toBe('b')
    expect(behind({ oldest: t(5), more: true }, { oldest: t(7), more: false })).toBe('a')
    expect(behind({ oldest: t(5), more: false }, { oldest: t(7), more: false })).toBeUndefined()
  })
})

describe('what counts as a change by people', () => {
  it.each<[boolean, Partial<AuditEntry>]>([
    [true, {}],
    [true, { actor: 'token:robot' }],
    [false, { action: 'sign_in' }],
    [false, { actor: 'key:ak_1', object: 'transfer' }],
    [false, { actor: 'system' }],
  ])('%s for %j', (is, more) => expect(byPeople(change(1, more))).toBe(is))
})

describe('a filtered stream', () => {
  const d = decision(1, true)
  it.each<[boolean, Parameters<typeof chosen>[0]]>([
    [true, {}],
    [true, { cluster: 'local', kind: 'act', action: 'launch', code: 'launch', q: 'X' }],
    [false, { kind: 'noop' }],
    [false, { cluster: 'other' }],
    [false, { action: 'drain' }],
    [false, { code: 'steady' }],
    [false, { q: 'x nowhere' }],
  ])('takes: %s for %j', (is, f) => expect(chosen(f, d)).toBe(is))
  it('begins where the chip says, to the minute', () => {
    expect(since('1h', Date.UTC(2026, 0, 1, 2, 3, 59))).toBe('2026-01-01T01:03:00.000Z')
    expect(since('nonsense', 0)).toBeUndefined()
  })
})
