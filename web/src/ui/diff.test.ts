import { describe, expect, it } from 'vitest'
import { fieldName, fieldValue } from '../format/words'
import { changes } from './diff'

describe('a change in words', () => {
  it('names what was, what is, what came and what went', () => {
    const before = { name: 'acme', limits: { max_rate_bps: 500_000_000 }, permissions: ['read'], gone: 'x' }
    const after = { name: 'acme', limits: { max_rate_bps: 0 }, permissions: ['read', 'write'], launch_timeout_s: 600 }
    expect(changes(before, after)).toEqual([
      { path: 'limits.max_rate_bps', name: 'limits · rate at most', before: '500 Mb/s', after: '0 b/s' },
      { path: 'permissions', name: 'permissions', before: 'read', after: 'read, write' },
      { path: 'launch_timeout_s', name: 'launch timeout', after: '10 min' },
      { path: 'gone', name: 'gone', before: 'x' },
    ])
  })
  it('says nothing of what is empty on both sides', () => expect(changes({ a: '', b: null }, { a: null })).toEqual([]))
  it('reads what was made or removed as a whole', () => {
    expect(changes(undefined, { role: 'viewer' })).toEqual([{ path: 'role', name: 'role', after: 'viewer' }])
    expect(changes({ role: 'viewer' }, undefined)).toEqual([{ path: 'role', name: 'role', before: 'viewer' }])
  })
  it('goes into lists of objects one by one', () => {
    expect(changes({ schedules: [{ cron: 'a' }] }, { schedules: [{ cron: 'b' }] })[0]).toMatchObject({ path: 'schedules.1.cron', before: 'a', after: 'b' })
  })
  it('never takes one kind of value for another', () => {
    expect(changes({ a: 1 }, { a: true })).toHaveLength(1)
    expect(changes('x', 'y')[0]?.name).toBe('value')
  })
})

describe('a value in words', () => {
  it.each([
    ['session_hours', 12, '12 h'],
    ['send_cap_mbps', 60, '60.0 Mb/s'],
    ['max_threshold', 0.85, '85 %'],
    ['paused', true, 'yes'],
    ['nodes', null, 'none'],
    ['storage', { type: 'local', path: '/srv' }, 'type local, path /srv'],
  ])('%s %j is %s', (path, v, text) => expect(fieldValue(path, v)).toBe(text))
  it('keeps units out of names', () => expect(fieldName('scale_in_window_s')).toBe('scale in window'))
})
