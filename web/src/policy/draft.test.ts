import { describe, expect, it } from 'vitest'
import { changes, command, patch, rebased, shown, withValue } from './draft'

const base = { max_nodes: 10, min_available: 2, launch_limit: { count: 10, per_seconds: 60 }, schedules: [] as unknown[] }

describe('a draft', () => {
  it('changes a copy and shares what it leaves alone', () => {
    const next = withValue(base, 'launch_limit.count', 3)
    expect(next.launch_limit).toEqual({ count: 3, per_seconds: 60 })
    expect(base.launch_limit.count).toBe(10)
    expect(next.schedules).toBe(base.schedules)
  })
  it('sends only what differs, lists whole', () => {
    const night = { cron: '0 2 * * *', time_zone: '', duration_s: 3600, min_available: 4, min_idle: 0 }
    const next = withValue(withValue(base, 'launch_limit.count', 3), 'schedules', [night])
    expect(patch(base, next)).toEqual({ launch_limit: { count: 3 }, schedules: [night] })
    expect(patch(base, structuredClone(base))).toEqual({})
  })
  it('names each difference by its leaf', () => {
    expect(changes(base, { ...base, max_nodes: 4, launch_limit: { count: 1, per_seconds: 60 } }).map((c) => c.path)).toEqual(['max_nodes', 'launch_limit.count'])
  })
})

describe('two editors at once', () => {
  const theirs = { ...base, max_nodes: 20, min_available: 5 }
  it('keeps both where they touched different things', () => {
    const { doc, clashes } = rebased(base, theirs, withValue(base, 'launch_limit.count', 3))
    expect(doc).toEqual({ ...theirs, launch_limit: { count: 3, per_seconds: 60 } })
    expect(clashes).toEqual([])
  })
  it('takes mine where both touched the same, and says so', () => {
    const { doc, clashes } = rebased(base, theirs, { ...base, max_nodes: 4 })
    expect([doc.max_nodes, doc.min_available]).toEqual([4, 5])
    expect(clashes).toEqual(['max_nodes'])
  })
  it('does not call it a clash when both want the same', () => expect(rebased(base, theirs, { ...base, max_nodes: 20 }).clashes).toEqual([]))
})

describe('in words', () => {
  it.each([
    ['max_threshold', 0.8, '80 %'],
    ['scale_in_window_s', 600, '10 min'],
    ['session_rate_mbps', 100, '100 Mb/s'],
    ['schedules', [], 'none'],
    ['signals.cpu.enabled', false, 'does not count'],
    ['rollout.automatic', true, 'yes'],
    ['warm_nodes', undefined, 'none'],
  ])('%s %j is %s', (path, v, text) => expect(shown(path, v)).toBe(text))
  it('gives the command that does the same, quoted for a shell', () => {
    expect(command('studio', {})).toBe('godwit policy get studio')
    expect(command('studio', { max_nodes: 8, forecast: 'on' })).toBe('godwit policy set studio max_nodes=8 forecast=on')
    expect(command('studio', { launch_limit: { count: 3 } }, true)).toBe(`echo '{"launch_limit":{"count":3}}' | godwit policy set studio -f - --preview`)
    expect(command('studio', { schedules: [{ name: "it's" }] })).toContain(`it'\\''s`)
  })
})
