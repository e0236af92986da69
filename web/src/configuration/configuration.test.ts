import { describe, expect, it } from 'vitest'
import type { NodeConfiguration } from '../api/types'
import { command, linesOf, shownValue } from './fields'
import { chosen, fresh, waysOf } from './links'
import { share } from './rollout'

const base: NodeConfiguration = { send_cap_mbps: 100, receive_cap_mbps: 0, max_sessions: 0, session_rate_mbps: 0, session_cap_mbps: 0, session_memory_mb: 0, ciphers: [], report_interval_s: 0, log_level: '', links: [] }

describe('node configuration in words', () => {
  it('says what zero and empty mean', () => {
    expect(shownValue('send_cap_mbps', 0)).toBe('as the template says')
    expect(shownValue('ciphers', [])).toBe('all')
    expect(shownValue('session_memory_mb', 512)).toBe('512 MiB')
  })
  it('says how a change reaches the nodes', () => {
    const lines = linesOf(base, { ...base, send_cap_mbps: 200, session_memory_mb: 512 })
    expect(lines.map((l) => [l.before, l.after, l.note])).toEqual([
      ['100 Mb/s', '200 Mb/s', 'live, within seconds'],
      ['256 MiB', '512 MiB', 'by a restart without sessions'],
    ])
  })
  it('gives the command that does the same', () => {
    expect(command('studio', { send_cap_mbps: 200, log_level: '' })).toBe('godwit config set studio send_cap_mbps=200 log_level=')
    expect(command('studio', { ciphers: ['aes-256-gcm'] })).toBe(`godwit config set studio 'ciphers=["aes-256-gcm"]'`)
  })
})

describe('links', () => {
  it('names an access key once, or not at all', () => {
    const l = { name: 'a', access_keys: ['x', 'y'] } as Parameters<typeof chosen>[0]
    expect(chosen(l, 'z', true)).toEqual(['x', 'y', 'z'])
    expect(chosen(l, 'x', true)).toEqual(['y', 'x'])
    expect(chosen(l, 'x', false)).toEqual(['y'])
    expect(chosen({ ...l, access_keys: undefined }, 'x', true)).toEqual(['x'])
  })

  const uplink = { name: 'uplink', in_mbps: 80, access_keys: ['a', 'b'], default: true }
  it('are said in one line', () => {
    expect(linesOf(base, { ...base, links: [uplink] }).map((l) => [l.label, l.before, l.after, l.note])).toEqual([
      ['Links', 'none', 'uplink: in 80 Mb/s, for 2 access keys and all that no link names', 'live, within seconds'],
    ])
  })
  it('are added under a name that is free, and only the first as the default', () => {
    expect(fresh([])).toMatchObject({ name: 'uplink', default: true })
    expect(fresh([uplink, { name: 'uplink-2' }])).toMatchObject({ name: 'uplink-3', default: false })
  })
  it('are divided among nodes, the largest part first, by direction', () => {
    const all = { capacity_bps: 100, share_bps: 100, rate_bps: 50, sessions: 2 }
    const part = (share_bps: number, rate_bps: number) => ({ share_bps, rate_bps, sessions: 1, greedy: 1 })
    const [way, ...others] = waysOf({
      name: 'uplink', access_keys: [], default: true, in: all,
      nodes: [{ id: '1', name: 'b', in: part(25, 10) }, { id: '2', name: 'a', in: part(75, 90) }, { id: '3', name: 'c', out: part(5, 5) }],
    })
    expect(others).toEqual([])
    expect(way?.name).toBe('in')
    expect(way?.nodes.map((n) => [n.name, n.may, n.does])).toEqual([['a', 0.75, 0.9], ['b', 0.25, 0.1]])
  })
})

describe('a rollout', () => {
  const of = (total: number, applied: number, refused: number) => share({ version: 2, total, applied, refused, pending: total - applied, nodes: [] })
  it('is counted and said', () => {
    expect(of(4, 4, 0)).toEqual({ done: 1, bad: 0, text: 'All 4 nodes run with version 2.' })
    expect(of(4, 3, 0).text).toBe('3 of 4 nodes run with version 2; 1 on its way.')
    expect(of(4, 1, 2).text).toBe('1 of 4 nodes run with version 2; 1 on its way, 2 refuse it.')
    expect(of(0, 0, 0).text).toBe('No node runs; the next ones begin with version 2.')
  })
})
