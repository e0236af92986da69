import { describe, expect, it } from 'vitest'
import type { NodeConfiguration } from '../api/types'
import { command, linesOf, shownValue } from './fields'
import { share } from './rollout'

const base: NodeConfiguration = { send_cap_mbps: 100, receive_cap_mbps: 0, max_sessions: 0, session_rate_mbps: 0, session_cap_mbps: 0, session_memory_mb: 0, ciphers: [], report_interval_s: 0, log_level: '' }

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

describe('a rollout', () => {
  const of = (total: number, applied: number, refused: number) => share({ version: 2, total, applied, refused, pending: total - applied, nodes: [] })
  it('is counted and said', () => {
    expect(of(4, 4, 0)).toEqual({ done: 1, bad: 0, text: 'All 4 nodes run with version 2.' })
    expect(of(4, 3, 0).text).toBe('3 of 4 nodes run with version 2; 1 on its way.')
    expect(of(4, 1, 2).text).toBe('1 of 4 nodes run with version 2; 1 on its way, 2 refuse it.')
    expect(of(0, 0, 0).text).toBe('No node runs; the next ones begin with version 2.')
  })
})
